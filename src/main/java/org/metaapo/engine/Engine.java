package org.metaapo.engine;

import org.metaapo.engine.internal.MetaapoC;
import org.metaapo.engine.internal.apo_device_info;
import org.metaapo.engine.internal.apo_engine;
import org.metaapo.engine.internal.apo_engine_options;
import org.metaapo.engine.internal.apo_generator_options;
import org.metaapo.engine.internal.apo_memory_plan;
import org.metaapo.engine.internal.apo_model_config;
import org.metaapo.engine.internal.apo_trainer_options;
import org.metaapo.error.DeviceException;

/** An open device; models are created on it. */
public final class Engine extends NativeHandle {
    private final apo_engine handle;

    private Engine(apo_engine handle) {
        super(null);
        this.handle = handle;
        register();
    }

    /**
     * Opens a device.
     *
     * @param threads processor threads; 0 for one on each core that this process may use
     * @throws DeviceException if there is no such device or the native library does not load
     */
    public static Engine open(DeviceSpec device, int threads) {
        load();
        apo_engine handle = new apo_engine(null);
        try (apo_engine_options options = new apo_engine_options()) {
            options.device(device.kind().ordinal()).device_index(device.index()).threads(threads).reserved(0);
            Native.check(error -> MetaapoC.apo_engine_create(options, handle, error));
        }
        return new Engine(handle);
    }

    /** Version of the native engine. */
    public static String version() {
        load();
        return Native.text(MetaapoC.apo_version());
    }

    private static void load() {
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
                    info.memory_total(),
                    info.memory_free());
        }
    }

    /** A model with all weights zero. */
    public Model createModel(ModelShape shape, Dtype dtype) {
        ensureOpen();
        return new Model(this, handle, shape, dtype);
    }

    /**
     * Bytes that a model and what is opened on it will take, from the shape alone.
     *
     * @param trainer null for none; a scorer of the same tokens is planned with it
     * @param generator null for none
     */
    public static MemoryPlan plan(ModelShape shape, Dtype dtype, TrainerOptions trainer, GeneratorOptions generator) {
        load();
        try (apo_model_config config = shape.toNative();
                apo_trainer_options t = trainer == null ? null : trainer.toNative();
                apo_generator_options g = generator == null ? null : generator.toNative();
                apo_memory_plan plan = new apo_memory_plan()) {
            Native.check(error -> MetaapoC.apo_plan(config, dtype.code(), t, g, plan, error));
            return new MemoryPlan(
                    plan.weights(),
                    plan.gradients(),
                    plan.master(),
                    plan.moments(),
                    plan.trainer_activations(),
                    plan.trainer_workspace(),
                    plan.scorer(),
                    plan.generator());
        }
    }

    @Override
    void release() {
        Native.check(error -> MetaapoC.apo_engine_close(handle, error));
    }
}
