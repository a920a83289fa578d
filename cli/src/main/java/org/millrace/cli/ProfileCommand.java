// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.millrace.engine.Model;
import org.millrace.engine.kvcache.policy.HeadChoice;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionOption;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import org.millrace.eval.ProfilePicture;
import org.millrace.eval.ProfileText;
import org.millrace.eval.PromptProfile;
import org.millrace.jobs.RetentionArguments;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code millrace profile}: what a policy chooses for each head after a prompt. */
@Command(
        name = "profile",
        description =
                "Shows what a policy keeps of a prompt: per head the attention that each rung recovers, the slots"
                        + " that it keeps, and the rung that was chosen.")
final class ProfileCommand implements Callable<Integer> {
    private static final String POLICY = "fastgen";

    @ArgGroup(multiplicity = "1")
    private Prompt prompt;

    @Mixin private RetentionArguments retentionArguments;
    @Mixin private ModelArguments modelArguments;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    @Option(
            names = "--picture",
            paramLabel = "FILE.png",
            description =
                    "Draw layers and heads: the colour is the rung, the number the kept share.")
    private Path picture;

    @Spec private CommandSpec spec;

    private final PrintStream out = System.out;

    private static final class Prompt {
        @Option(
                names = "--text",
                required = true,
                paramLabel = "FILE",
                description = "The prompt as a UTF-8 text.")
        private Path file;

        @Option(
                names = "--prompt",
                required = true,
                paramLabel = "TEXT",
                description = "The prompt.")
        private String text;

        @Option(
                names = "--token-ids",
                required = true,
                paramLabel = "IDS.json",
                description = "The prompt as a list of token ids.")
        private Path tokenIds;
    }

    @Override
    public Integer call() throws IOException {
        Retention retention = retentionArguments.retention(POLICY);
        if (RetentionPolicies.lookup(retention).keepsAll()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "nothing to show: policy=" + retention.policy() + " keeps everything");
        }
        try (Model model = modelArguments.open()) {
            int[] tokens = promptTokens(model);
            ScoreCommand.check(tokens, model);
            PromptProfile profile = PromptProfile.of(model, retention, tokens);
            if (picture != null) {
                ProfilePicture.write(profile, picture);
            }
            boolean colored = CommandLine.Help.Ansi.AUTO.enabled();
            out.println(json ? json(profile) : new ProfileText(profile, colored));
        }
        return 0;
    }

    private int[] promptTokens(Model model) throws IOException {
        if (prompt.tokenIds != null) {
            return InputFiles.tokenIds(prompt.tokenIds, model.spec().vocabSize());
        }
        String text = prompt.file == null ? prompt.text : InputFiles.text(prompt.file);
        return GenerateCommand.plainTokens(model.tokenizer(), text);
    }

    private static String json(PromptProfile profile) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.put("tokens", profile.tokens());
        document.put("T", recovery(profile.retention()));
        ArrayNode heads = document.putArray("heads");
        for (int i = 0; i < profile.heads().size(); i++) {
            HeadChoice head = profile.heads().get(i);
            ObjectNode node =
                    heads.addObject()
                            .put("layer", i / profile.kvHeads())
                            .put("kv_head", i % profile.kvHeads());
            node.set("mass", mapper.valueToTree(head.masses()));
            node.set("kept", mapper.valueToTree(head.slots()));
            node.put("rung", head.rung());
        }
        document.put("pruned", profile.pruned());
        return mapper.writeValueAsString(document);
    }

    /** T; null of a policy without. */
    private static Double recovery(Retention retention) {
        String recovery = retention.options().get(RetentionOption.RECOVERY);
        return recovery == null ? null : Double.valueOf(recovery);
    }
}
