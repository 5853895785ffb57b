package org.metaapo.benchmarks;

import java.util.concurrent.TimeUnit;
import org.bytedeco.cuda.cublas.cublasContext;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Square bf16 products of cuBLAS through JavaCPP's presets, with f32 accumulation: what the machine's library gives from Java.
 * TFLOP/s is 2·n³ over the time. Where cuBLAS does not load, the benchmark says so in a line and is left out.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
public class CublasBenchmark {
    /** Rows and columns of all three matrices. */
    @Param({"4096", "8192"})
    public int n;

    private cublasContext context;
    private final Pointer[] matrices = new Pointer[3];
    private FloatPointer one;
    private FloatPointer zero;

    @Setup
    public void open() {
        try {
            Loader.load(cublas.class);
            context = new cublasContext();
            check(cublas.cublasCreate_v2(context), "cublasCreate");
        } catch (LinkageError e) {
            String first = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            System.out.println("CublasBenchmark skipped: cuBLAS does not load (" + first + ")");
            System.exit(0); // of this fork alone
        }
        one = new FloatPointer(1f);
        zero = new FloatPointer(0f);
        long bytes = 2L * n * n;
        try (ShortPointer host = new ShortPointer((long) n * n)) {
            java.util.SplittableRandom random = new java.util.SplittableRandom(0);
            for (long i = 0; i < (long) n * n; i++) {
                float x = (float) (random.nextDouble() - 0.5);
                host.put(i, (short) (Float.floatToRawIntBits(x) >>> 16)); // bf16: the upper half of the f32
            }
            for (int i = 0; i < matrices.length; i++) {
                matrices[i] = new Pointer();
                check(cudart.cudaMalloc(matrices[i], bytes), "cudaMalloc");
                check(cudart.cudaMemcpy(matrices[i], host, bytes, cudart.cudaMemcpyHostToDevice), "cudaMemcpy");
            }
        }
    }

    @TearDown
    public void close() {
        for (Pointer matrix : matrices) {
            cudart.cudaFree(matrix);
        }
        cublas.cublasDestroy_v2(context);
    }

    private static void check(int status, String what) {
        if (status != 0) {
            throw new IllegalStateException(what + " failed with status " + status);
        }
    }

    /** One product, waited for. */
    @Benchmark
    public void gemm() {
        check(
                cublas.cublasGemmEx(
                        context, cublas.CUBLAS_OP_T, cublas.CUBLAS_OP_N, n, n, n, one, matrices[0], cudart.CUDA_R_16BF, n,
                        matrices[1], cudart.CUDA_R_16BF, n, zero, matrices[2], cudart.CUDA_R_16BF, n,
                        cublas.CUBLAS_COMPUTE_32F, cublas.CUBLAS_GEMM_DEFAULT),
                "cublasGemmEx");
        check(cudart.cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    }
}
