#!/usr/bin/env bash
# metaapo watch on a long run with many tabs: benchmarks/watch.sh [STEPS] [TABS]. Needs /usr/bin/chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mvn -q -B -ntp test-compile
java -cp "target/test-classes:target/classes:target/lib/*" org.metaapo.watch.WatchLoad "$@"
