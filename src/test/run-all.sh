#!/usr/bin/env bash
# Builds and runs every test; ./metaapo test calls it once the tools are there. With a name, only what carries it:
#   ./metaapo test jvm      the JVM suite under -Xcheck:jni, with JaCoCo
#   ./metaapo test install  the installed C package, linked by a small program (after jvm)
#   ./metaapo test native   the native suite: the CPU's part and, of the emulated CUDA kernels, the op cases under ASan and UBSan; all of
#                           the emulated part without them
#   ./metaapo test gpu      whole commands on the emulated GPU beside the CPU (after jvm)
#   ./metaapo test cuda     nvcc compiles the CUDA backend for all its targets; skipped where there is no nvcc
#   ./metaapo test resume   kill -9 at random moments of a small run (also: resume COUNT)
#   ./metaapo test coverage the native suite with gcov; not part of the whole
#   ./metaapo test fuzz     each parser on inputs that Jazzer makes, guided by coverage; not part of the whole (also: fuzz RUNS
#                           [TARGET]; after jvm)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

suites="${1:-jvm install native gpu cuda resume}"
cores="$(nproc)"
start=$SECONDS
summary=() times=()

section() { printf '\n==== %s\n' "$1"; }

jvm() {
    section "JVM suite, -Xcheck:jni"
    mvn -B -ntp verify
    # HotSpot reports misuse of JNI on the JVM's own stdout, which surefire keeps in .dumpstream files: a warning, then the
    # stack. Known for it are JNA, by which the tokenizers look for a GPU, JavaCPP while it is loaded, and DuckDB, which the
    # tests alone use.
    local misuse
    misuse="$(find target/surefire-reports -name '*.dumpstream' -exec awk '
        /FATAL ERROR in native method/ { print }
        /WARNING in native method/ { warning = $0; next }
        warning != "" && /\tat / { if (!/com\.sun\.jna\.|NativeLibraries\.load|org\.duckdb\./) print warning "\n" $0; warning = "" }' {} +)"
    if [[ -n "$misuse" ]]; then
        printf '%s\n' "$misuse" | head -n 20
        echo "-Xcheck:jni found misuse of JNI" >&2
        return 1
    fi
    summary+=("$(jacoco_total)")
}

# Line coverage of the Java code, summed over JaCoCo's CSV: columns LINE_MISSED and LINE_COVERED are 8 and 9.
jacoco_total() {
    awk -F, 'NR > 1 { missed += $8; covered += $9 }
        END { printf "JaCoCo: %.1f %% of %d lines of Java", 100 * covered / (missed + covered), missed + covered }' \
        target/site/jacoco/jacoco.csv
}

# A build of the native tests in folder $1, with further CMake options.
native_tests() {
    local dir="$1"
    shift
    cmake -S src/main/cpp -B "$dir" -G Ninja -DMETAAPO_TESTS=ON -DMETAAPO_CUDA=off -DMETAAPO_DNNL_ROOT="$PWD/target/dnnl" "$@" >/dev/null
    cmake --build "$dir" --target metaapo_tests
}

# Sanitizers make the emulation ten times slower, so that whole models run on it without them. Threads that wait must not spin: each
# core has a test of its own.
native() {
    section "native suite, AddressSanitizer and UndefinedBehaviorSanitizer"
    local checked=target/native-checked emulated=target/native-emulated
    native_tests "$checked" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMETAAPO_SANITIZE=ON
    OMP_WAIT_POLICY=passive "$checked/metaapo_tests" --backends cpu --jobs "$cores"
    OMP_WAIT_POLICY=passive "$checked/metaapo_tests" --backends cuda --jobs "$cores" ops_ cuda_emulation cuda_graph cuda_recovery cuda_products cuda_ranks
    section "native suite, all that is of the emulated GPU"
    native_tests "$emulated" -DCMAKE_BUILD_TYPE=Release
    OMP_WAIT_POLICY=passive "$emulated/metaapo_tests" --backends cuda --jobs "$cores"
}

coverage() {
    section "native suite, gcov"
    local dir=target/native-coverage
    native_tests "$dir" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DMETAAPO_COVERAGE=ON
    find "$dir" -name '*.gcda' -delete
    OMP_WAIT_POLICY=passive "$dir/metaapo_tests" --jobs "$cores"
    summary+=("$(gcov_total "$dir")")
}

# Line coverage of src/main/cpp and, emulated, src/main/cuda; a line compiled for several instruction sets counts once for the
# one that ran.
gcov_total() {
    find "$1" -name '*.gcda' -print0 | xargs -0 gcov --no-output --source-prefix "$PWD" --relative-only 2>/dev/null |
        awk -F"'" '/^File / { file = $2 }
            /^Lines executed/ && file ~ /^src\/main\/c(pp|uda)/ {
                split($0, part, /[:% ]+/); lines = part[5]; hit = part[3] * lines / 100
                if (!(file in best) || hit > best[file]) { best[file] = hit; total[file] = lines }
                file = "" }
            END { for (f in best) { covered += best[f]; all += total[f] }
                printf "gcov: %.1f %% of %d lines of C++ and CUDA", 100 * covered / all, all }'
}

cuda() {
    section "the CUDA backend, compiled for all its targets"
    src/test/cuda-check.sh
}

gpu() {
    section "whole commands on the emulated GPU"
    src/test/emulated-gpu.sh
}

# The installed package, as another program would use it.
install() {
    section "the installed C package"
    cmake --install target/native --prefix target/install >/dev/null
    cmake -S src/test/install -B target/install-test -G Ninja -DCMAKE_PREFIX_PATH="$PWD/target/install" >/dev/null
    cmake --build target/install-test
    target/install-test/install_test
}

resume() {
    section "kill -9 and resume"
    src/test/kill-resume.sh "${1:-3}"
    section "kill -9 and resume, an adapter"
    src/test/kill-resume.sh "${1:-3}" 2 adapter.rank=4 adapter.dropout=0.1 optimizer.learning_rate=1e-2
    section "kill -9 of a rank, and resume"
    if command -v mpirun >/dev/null; then
        src/test/kill-ranks.sh "${1:-2}"
    else
        echo "skipped: kill-ranks.sh, for mpirun is not there"
    fi
}

# The heap holds what Jazzer itself needs, and what an input may take; org.metaapo.fuzz.HeapBound checks the latter, and needs a
# young generation that is small beside it. Corpora are kept in target/fuzz and grow with each run.
fuzz() {
    section "Jazzer"
    local runs="${1:-20000}" target targets="${2:-}" dir="$PWD/target/fuzz" classes scratch
    [[ -f target/fuzz/classpath ]] || {
        mkdir -p "$dir"
        mvn -B -ntp -q dependency:build-classpath -DincludeScope=test -Dmdep.outputFile=target/fuzz/classpath
    }
    classes="target/classes:target/test-classes:$(cat target/fuzz/classpath)"
    [[ -n "$targets" ]] || targets="$(java -cp "$classes" org.metaapo.fuzz.FuzzSeeds)"
    # Most targets read files: in memory, where that is possible, for there are hundreds of thousands.
    scratch="$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "$dir")" metaapo-fuzz.XXXXXX)"
    # shellcheck disable=SC2064 # the folder is known now
    trap "rm -rf '$scratch'" EXIT
    for target in $targets; do
        mkdir -p "$dir/$target/corpus" "$dir/$target/findings"
        java -cp "$classes" org.metaapo.fuzz.FuzzSeeds "$target" "$dir/$target/corpus"
        java -Xmx160m -Xmn16m -XX:+UseSerialGC -Dai.djl.offline=true -DRUST_FLAVOR=cpu -cp "$classes" com.code_intelligence.jazzer.Jazzer \
            --target_class=org.metaapo.fuzz.JazzerTarget --target_args="$target $scratch/$target" \
            --instrumentation_includes='org.metaapo.**' --disabled_hooks='.*' --custom_hook_includes='org.metaapo.none' --reproducer_path="$dir/$target/findings" \
            -artifact_prefix="$dir/$target/findings/" -max_len=20000 -len_control=20 -timeout=20 -rss_limit_mb=4096 -runs="$runs" \
            -print_final_stats=1 "$dir/$target/corpus" >"$dir/$target/log" 2>&1 || {
            tail -n 40 "$dir/$target/log" >&2
            echo "fuzz target $target failed; its input is in target/fuzz/$target/findings" >&2
            return 1
        }
        summary+=("fuzz $target: $(grep -h 'Done' "$dir/$target/log" | tail -n 1)")
    done
}

for suite in $suites; do
    begun=$SECONDS
    case "$suite" in
        jvm | install | native | coverage | gpu | cuda) "$suite" ;;
        resume) resume "${2:-}" ;;
        fuzz) fuzz "${2:-}" "${3:-}" ;;
        *) echo "no such suite: $suite; there are jvm, install, native, coverage, gpu, cuda, resume, fuzz" >&2; exit 2 ;;
    esac
    times+=("$(printf '%-8s %5d s' "$suite" $((SECONDS - begun)))")
done

section "all passed in $((SECONDS - start)) s"
printf '%s\n' "${times[@]}"
((${#summary[@]} == 0)) || printf '%s\n' "${summary[@]}"
