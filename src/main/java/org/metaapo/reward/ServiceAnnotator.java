package org.metaapo.reward;

import java.util.ArrayList;
import java.util.List;
import org.metaapo.data.Prompt;
import org.metaapo.text.Answer;

/** Rewards from a source that scores each answer by itself. */
final class ServiceAnnotator implements Annotator {
    private final Asker asker;

    ServiceAnnotator(Asker asker) {
        this.asker = asker;
    }

    @Override
    public List<double[]> score(List<Prompt> prompts, List<List<Answer>> answers, Watch watch) {
        List<List<Question>> questions = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            Prompt prompt = prompts.get(i);
            questions.add(answers.get(i).stream().map(answer -> Question.reward(asker.identity(), prompt, answer)).toList());
        }
        asker.ask(questions.stream().flatMap(List::stream).toList(), prompts.size(), watch);
        return questions.stream().map(list -> list.stream().mapToDouble(asker::reply).toArray()).toList();
    }

    @Override
    public AnnotationCosts costs() {
        return asker.costs();
    }

    @Override
    public void close() {
        asker.close();
    }
}
