package org.metaapo.train;

import java.util.Map;
import org.metaapo.engine.TrainerOptions;

/**
 * How large a run is.
 *
 * @param rows rows of data that are left
 * @param tokens tokens of an epoch, without what is sampled
 * @param steps optimizer steps of all epochs
 * @param longestPack tokens of the longest pack that can come up
 * @param trained what is trained, and the policy's weights
 * @param memory bytes on the device
 * @param disk bytes in the run's folder
 * @param smaller bytes on the device with other settings, by their keys
 * @param stages bytes of each of several ranks by what they share out ({@code train.shard}), as far as the run can; empty for one rank
 */
public record RunSize(
        int rows, long tokens, long steps, long longestPack, Trained trained, RunMemory memory, RunDisk disk, Map<String, Long> smaller,
        Map<TrainerOptions.Shard, RunMemory> stages) {}
