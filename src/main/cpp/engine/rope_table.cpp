#include "rope_table.h"

#include <cmath>

namespace apo {

namespace {

// Llama 3.1's scaling: long wavelengths are stretched by `factor`, short ones stay, those between are interpolated.
double llama3_frequency(const apo_model_config& c, double frequency) {
    const double pi = std::acos(-1.0), wavelength = 2 * pi / frequency, original = c.rope_original_max_positions;
    if (wavelength < original / c.rope_high_freq_factor) return frequency;
    if (wavelength > original / c.rope_low_freq_factor) return frequency / c.rope_factor;
    const double smooth =
        (original / wavelength - c.rope_low_freq_factor) / (c.rope_high_freq_factor - c.rope_low_freq_factor);
    return (1 - smooth) * frequency / c.rope_factor + smooth * frequency;
}

}  // namespace

RopeTable make_rope_table(const apo_model_config& c) {
    const int64_t half = c.head_dim / 2;
    RopeTable table;
    table.cos.resize(size_t(c.max_positions * half));
    table.sin.resize(table.cos.size());
    for (int64_t j = 0; j < half; j++) {
        double frequency = std::pow(c.rope_theta, -2.0 * double(j) / c.head_dim);
        if (c.rope == APO_ROPE_LINEAR) frequency /= c.rope_factor;
        if (c.rope == APO_ROPE_LLAMA3) frequency = llama3_frequency(c, frequency);
        for (int64_t position = 0; position < c.max_positions; position++) {
            // transformers computes frequency and angle in f32; so does this, that long positions agree.
            const float angle = float(position) * float(frequency);
            table.cos[size_t(position * half + j)] = std::cos(angle);
            table.sin[size_t(position * half + j)] = std::sin(angle);
        }
    }
    return table;
}

}  // namespace apo
