package org.metaapo.error;

/** The device is missing, unsupported or out of memory. Exit status 4. */
public final class DeviceException extends MetaapoException {
    /** One line for the user: what, where, expected, found, what to do. */
    public DeviceException(String message) {
        super(message, null);
    }

    /** As {@link #DeviceException(String)}, with the failure beneath it. */
    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }

    @Override
    public int exitStatus() {
        return 4;
    }
}
