package org.metaapo.engine.internal;

import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * Tells JavaCPP how to bind {@code metaapo.h}: {@code MetaapoC} and the struct classes beside it are generated from the
 * header at build time. oneDNN and its OpenMP are loaded before the engine, from oneDNN's own jar. The CUDA
 * backend, where it was built, is only put beside the engine, which opens it.
 */
@Properties(
        value =
                @Platform(
                        value = "linux-x86_64",
                        include = "metaapo.h",
                        link = "metaapo",
                        preload = {"gomp@.1", "dnnl@.3", "metaapo_cuda"},
                        preloadresource = "/org/bytedeco/dnnl/"),
        target = "org.metaapo.engine.internal",
        global = "org.metaapo.engine.internal.MetaapoC")
public class NativeConfig implements InfoMapper {
    /** For JavaCPP. */
    public NativeConfig() {}

    @Override
    public void map(InfoMap infoMap) {
        infoMap.put(new Info("APO_API").cppTypes().annotations());
    }
}
