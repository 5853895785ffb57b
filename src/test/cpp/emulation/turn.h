// The emulation serves one thread of the system at a time: a call of its runtime takes the turn, and leaves it to others only while it
// waits for what another thread has to do, as ranks do for each other.
#pragma once

namespace emulation {

// The turn until the scope ends; scopes may be nested.
class Turn {
public:
    Turn();
    ~Turn();
    Turn(const Turn&) = delete;

    // For who has the turn: leaves it to others until something has changed.
    static void wait();
    // The same, or for a moment: where it is another process that has to do something.
    static void pause();
    // Wakes those who wait.
    static void changed();
};

}  // namespace emulation
