// SPDX-License-Identifier: Apache-2.0
package consumer;

import java.nio.file.Path;
import org.apache.flink.api.connector.source.Source;
import org.millrace.engine.Model;
import org.millrace.engine.ModelOptions;
import org.millrace.engine.batch.Scorer;
import org.millrace.schemas.PromptRequest;

/** Uses each released module: arguments are a model's file and the kernels that must run it. */
public final class Consumer {
    private Consumer() {}

    public static void main(String[] args) {
        ModelOptions defaults = ModelOptions.defaults();
        ModelOptions options =
                new ModelOptions(defaults.kvType(), defaults.activations(), args[1], 1);
        try (Model model = Model.open(Path.of(args[0]), options)) {
            new Scorer(model).score(new int[] {1, 2, 3}, (position, logits) -> {});
            System.out.println("kernels=" + model.kernels().name());
        }
        System.out.println("schema=" + PromptRequest.getClassSchema().getFullName());
        // Compiles only if Flink is on the class path, and would not run: a cluster has it.
        System.out.println("compiled with " + sourceType());
    }

    private static String sourceType() {
        try {
            return Source.class.getName();
        } catch (NoClassDefFoundError e) {
            return "Flink, which is not in the jar";
        }
    }
}
