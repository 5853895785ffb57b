package org.metaapo.config;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Modifier;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.metaapo.error.RunFailedException;
import org.metaapo.error.UsageException;
import org.metaapo.files.Digests;
import org.metaapo.files.FileFailures;

/** A class of the user's that a configuration names, from jars and folders beside metaapo's own class path. */
public final class UserClass<T> implements AutoCloseable {
    private static final int SHOWN_CHARS = 300;

    private final String key;
    private final List<Path> classPath;
    private final URLClassLoader loader;
    private final Class<? extends T> type;

    private UserClass(String key, List<Path> classPath, URLClassLoader loader, Class<? extends T> type) {
        this.key = key;
        this.classPath = classPath;
        this.loader = loader;
        this.type = type;
    }

    /**
     * Loads a class without running any of it.
     *
     * @param key that names the class, for messages
     * @param pathKey that names the class path, for messages
     * @throws UsageException if there is no such class, or it is no {@code wanted} with a public constructor without parameters
     */
    public static <T> UserClass<T> load(String key, String className, String pathKey, List<Path> classPath, Class<T> wanted) {
        URL[] urls = classPath.stream().map(entry -> url(pathKey, entry)).toArray(URL[]::new);
        URLClassLoader loader = new URLClassLoader(urls, UserClass.class.getClassLoader());
        try {
            return new UserClass<>(key, List.copyOf(classPath), loader, find(key, className, pathKey, loader, wanted));
        } catch (RuntimeException e) {
            close(loader, key);
            throw e;
        }
    }

    private static URL url(String pathKey, Path entry) {
        if (!Files.exists(entry)) {
            throw new UsageException(pathKey + ": " + entry + ": no such jar or folder");
        }
        try {
            return entry.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new UsageException(pathKey + ": " + entry + ": " + e.getMessage(), e);
        }
    }

    private static <T> Class<? extends T> find(String key, String className, String pathKey, ClassLoader loader, Class<T> wanted) {
        Class<?> found;
        try {
            found = Class.forName(className, false, loader);
        } catch (ClassNotFoundException e) {
            throw new UsageException(key + ": there is no class " + className + "; expected one on the class path, to which " + pathKey
                    + " adds jars and folders", e);
        } catch (LinkageError e) {
            String cause = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
            throw new UsageException(
                    key + ": " + className + " cannot be loaded: " + cause.substring(0, Math.min(SHOWN_CHARS, cause.length())), e);
        }
        if (!wanted.isAssignableFrom(found)) {
            throw new UsageException(key + ": " + className + " does not implement " + wanted.getName());
        }
        try {
            if (!Modifier.isPublic(found.getModifiers()) || Modifier.isAbstract(found.getModifiers())) {
                throw new NoSuchMethodException();
            }
            found.getConstructor();
        } catch (NoSuchMethodException | LinkageError e) {
            throw new UsageException(key + ": " + className + " is no public class with a public constructor without parameters", e);
        }
        return found.asSubclass(wanted);
    }

    /** For messages: the key and the class. */
    public String name() {
        return key + " " + type.getName();
    }

    /** The loader, for threads that run the class. */
    public ClassLoader loader() {
        return loader;
    }

    /**
     * A new object.
     *
     * @throws RunFailedException if its constructor throws
     */
    public T instantiate() {
        try {
            return type.getConstructor().newInstance();
        } catch (ReflectiveOperationException | LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new RunFailedException(name() + ": threw " + String.valueOf(cause).lines().findFirst().orElse(""), cause);
        }
    }

    /** Name and content of class and class path: another version is another class. */
    public String identity() {
        StringBuilder identity = new StringBuilder("class ").append(type.getName());
        for (Path entry : classPath) {
            try (Stream<Path> files = Files.walk(entry)) {
                for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                    identity.append('\n').append(entry.relativize(file)).append(' ').append(Digests.sha256(file));
                }
            } catch (IOException e) {
                throw FileFailures.reading(entry, e);
            }
        }
        String resource = "/" + type.getName().replace('.', '/') + ".class";
        try (InputStream in = type.getResourceAsStream(resource)) {
            if (in != null) {
                identity.append('\n').append(Digests.sha256(in.readAllBytes()));
            }
        } catch (IOException e) {
            throw FileFailures.reading(Path.of(resource), e);
        }
        return identity.toString();
    }

    @Override
    public void close() {
        close(loader, key);
    }

    private static void close(URLClassLoader loader, String key) {
        try {
            loader.close();
        } catch (IOException e) {
            throw new RunFailedException(key + ": its class path cannot be closed: " + e.getMessage(), e);
        }
    }
}
