package org.metaapo.engine;

import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Loader;
import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_device_info;
import org.metaapo.engine.internal.apo_engine;
import org.metaapo.engine.internal.apo_engine_options;
import org.metaapo.engine.internal.apo_generator_options;
import org.metaapo.engine.internal.apo_memory_plan;
import org.metaapo.engine.internal.apo_model_config;
import org.metaapo.engine.internal.apo_trainer_options;
import org.metaapo.error.DeviceException;
import org.slf4j.LoggerFactory;

/** An open device; models are created on it. */
public final class Engine extends NativeHandle {
    private final DeviceSpec device;
    private final apo_engine handle;

    private Engine(DeviceSpec device, apo_engine handle) {
        super(null);
        this.device = device;
        this.handle = handle;
        register();
    }

    /**
     * Opens a device. cuBLAS, which a GPU needs, comes from JavaCPP's presets where they are on the class path, else from the
     * system.
     *
     * @param threads processor threads; 0 for one on each core that this process may use
     * @throws DeviceException if there is no such device or the native library does not load
     */
    public static Engine open(DeviceSpec device, int threads) {
        load();
        DeviceSpec found = resolve(device);
        if (found.isCuda()) {
            loadPresets();
        }
        apo_engine handle = new apo_engine(null);
        try (apo_engine_options options = new apo_engine_options()) {
            options.device(code(found)).device_index(found.index()).threads(threads).reserved(0);
            Native.check(error -> MetaapoC.apo_engine_create(options, handle, error));
        }
        return new Engine(found, handle);
    }

    /** {@link DeviceSpec#AUTO} as what it stands for on this machine; others as they are. */
    public static DeviceSpec resolve(DeviceSpec device) {
        if (device.kind() != DeviceSpec.Kind.AUTO) {
            return device;
        }
        return gpus().count() > 0 ? new DeviceSpec(DeviceSpec.Kind.CUDA, 0) : DeviceSpec.CPU;
    }

    /** The device that is open; never {@link DeviceSpec#AUTO}. */
    public DeviceSpec device() {
        return device;
    }

    private static int code(DeviceSpec device) {
        return device.isCuda() ? MetaapoC.APO_CUDA : MetaapoC.APO_CPU;
    }

    /**
     * The GPUs of this machine.
     *
     * @param count how many may be opened
     * @param reason why there is none, in words; empty where there is one
     */
    public record Gpus(int count, String reason) {}

    /** The GPUs that {@code cuda:N} may name. None is no error. */
    public static Gpus gpus() {
        load();
        int[] count = new int[1];
        try {
            Native.check(error -> MetaapoC.apo_device_count(MetaapoC.APO_CUDA, count, error));
        } catch (DeviceException e) {
            return new Gpus(0, e.getMessage());
        }
        return new Gpus(count[0], "");
    }

    /** Version of the native engine. */
    public static String version() {
        load();
        return Native.text(MetaapoC.apo_version());
    }

    /** A library that is loaded already is found by the backend under its own name. */
    private static void loadPresets() {
        try {
            Loader.load(Class.forName("org.bytedeco.cuda.presets.cublas"));
        } catch (ClassNotFoundException e) {
            // not on the class path: the system's cuBLAS serves
        } catch (LinkageError e) {
            LoggerFactory.getLogger(Engine.class).debug("JavaCPP's cuBLAS does not load; the system's is tried", e);
        }
    }

    /** Loads the native library; everything that needs it without an engine calls this first. */
    static void load() {
        try {
            int found = MetaapoC.apo_abi_version();
            if (found != MetaapoC.APO_ABI_VERSION) {
                throw new DeviceException("the native library has ABI version " + found + ", expected "
                        + MetaapoC.APO_ABI_VERSION + "; build both sides together");
            }
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            throw new DeviceException(
                    "the native library does not load on this machine (" + e.getMessage() + "); it needs Linux on x86-64", e);
        }
    }

    /**
     * Makes this engine one rank's, before anything is created on it: the ranks' trainers then share their work. Every rank calls it. The
     * group is to be closed after the engine.
     *
     * @throws DeviceException if this device cannot work with those of the other ranks
     */
    public void join(RankGroup group) {
        ensureOpen();
        Native.check(error -> MetaapoC.apo_engine_join(handle, group.handle(), error));
    }

    /** What this engine runs on. */
    public DeviceInfo info() {
        ensureOpen();
        try (apo_device_info info = new apo_device_info()) {
            Native.check(error -> MetaapoC.apo_engine_info(handle, info, error));
            return new DeviceInfo(
                    Native.text(info.name()),
                    Native.text(info.isa()),
                    Native.text(info.gemm()),
                    info.threads(),
                    info.bf16_native() != 0,
                    Native.text(info.bf16()),
                    info.memory_total(),
                    info.memory_free());
        }
    }

    /** A model with all weights zero, on the device. */
    public Model createModel(ModelShape shape, Dtype dtype) {
        return createModel(shape, new ModelOptions(dtype));
    }

    /** A model with all weights zero. */
    public Model createModel(ModelShape shape, ModelOptions options) {
        ensureOpen();
        return new Model(this, handle, shape, options);
    }

    /**
     * Bytes that a model and what is opened on it will take, from the shape alone.
     *
     * @param options how the model's weights are kept; a plan has both what is offloaded and what is not
     * @param device on which; it need not be there
     * @param ranks how many share the trainer's work; the bytes are one's
     * @param adapter null for none; with it the trainer is the adapter's
     * @param trainer null for none; a scorer of the same tokens is planned with it
     * @param generator null for none
     */
    public static MemoryPlan plan(
            ModelShape shape, ModelOptions options, DeviceSpec device, int ranks, AdapterShape adapter, TrainerOptions trainer,
            GeneratorOptions generator) {
        load();
        try (IntPointer windows = shape.windowsOf();
                apo_model_config config = shape.toNative(windows);
                AdapterShape.Arguments a = adapter == null ? null : adapter.toNative();
                apo_trainer_options t = trainer == null ? null : trainer.toNative();
                apo_generator_options g = generator == null ? null : generator.toNative();
                apo_memory_plan plan = new apo_memory_plan()) {
            Native.check(error -> MetaapoC.apo_plan(config, options.dtype().code(), options.quantization().code(), code(resolve(device)), ranks, a == null ? null : a.config, t, g, plan, error));
            return new MemoryPlan(
                    plan.weights(),
                    plan.weights_offloaded(),
                    plan.adapter(),
                    plan.gradients(),
                    plan.master(),
                    plan.moments(),
                    plan.offloaded(),
                    plan.trainer_activations(),
                    plan.trainer_workspace(),
                    plan.scorer(),
                    plan.generator(),
                    plan.backend());
        }
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_engine_close(handle, error));
    }
}
