import java.util.List;
import java.util.Locale;
import org.metaapo.reward.RewardFunction;
import org.metaapo.text.Answer;
import org.metaapo.text.Message;

/** A class for {@code reward.class}: rewards answers that are short and polite. */
public final class PoliteReward implements RewardFunction {
    @Override
    public double[] score(List<Message> messages, List<Answer> answers) {
        return answers.stream().mapToDouble(answer -> reward(answer.shown())).toArray();
    }

    private static double reward(String answer) {
        String text = answer.toLowerCase(Locale.ROOT);
        return (text.contains("please") || text.contains("thank") ? 1 : 0) - answer.length() / 1000.0;
    }
}
