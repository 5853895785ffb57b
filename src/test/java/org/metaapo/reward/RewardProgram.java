package org.metaapo.reward;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** A user's command: replies to lines, and misbehaves if they say so. */
public final class RewardProgram {
    private RewardProgram() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        System.err.println("a log line");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            if (line.contains("\"hang\"")) {
                Thread.sleep(60_000);
            } else if (line.contains("\"die\"")) {
                System.err.println("out of ideas\n");
                System.exit(9);
            } else if (line.contains("\"chat\"")) {
                out.println("loading the model");
            } else if (line.contains("\"partial\"")) {
                out.print("{\"items\"");
                System.exit(0);
            } else {
                out.println(FakeService.scores(line));
            }
        }
    }
}
