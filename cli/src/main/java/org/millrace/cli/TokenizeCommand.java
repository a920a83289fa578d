// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import org.millrace.client.model.ModelLocator;
import org.millrace.engine.model.ModelFiles;
import org.millrace.engine.model.ModelLoader;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code millrace tokenize}: text or a conversation as token ids. */
@Command(name = "tokenize", description = "Shows the tokens of a text or a conversation.")
final class TokenizeCommand implements Callable<Integer> {
    @ArgGroup(multiplicity = "1")
    private Input input;

    @Option(
            names = "--model",
            paramLabel = "NAME|FILE|DIR|HUB_ID",
            description = "Whose tokenizer (default: smollm2-135m).")
    private String model;

    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    private final PrintStream out = System.out;

    private static final class Input {
        @Option(
                names = "--text",
                required = true,
                paramLabel = "TEXT",
                description = "Plain text; names of control tokens in it are text, too.")
        private String text;

        @Option(
                names = "--chat-file",
                required = true,
                paramLabel = "FILE.json",
                description = "A conversation: a list of objects with role and content.")
        private Path chatFile;
    }

    @Override
    public Integer call() throws IOException {
        try (ModelFiles files = ModelLoader.open(ModelLocator.locate(model))) {
            int[] tokens =
                    input.text != null
                            ? files.tokenizer().encode(input.text, false)
                            : files.chatTemplate()
                                    .encodeFirstTurn(InputFiles.messages(input.chatFile));
            String[] pieces =
                    Arrays.stream(tokens).mapToObj(files.tokenizer()::piece).toArray(String[]::new);
            report(tokens, pieces);
        }
        return 0;
    }

    private void report(int[] tokens, String[] pieces) throws IOException {
        if (!json) {
            for (int i = 0; i < tokens.length; i++) {
                out.println(tokens[i] + "\t" + pieces[i]);
            }
            return;
        }
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        document.set("tokens", mapper.valueToTree(tokens));
        document.set("pieces", mapper.valueToTree(pieces));
        out.println(mapper.writeValueAsString(document));
    }
}
