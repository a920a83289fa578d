// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.mapping;
import static java.util.stream.Collectors.toList;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.streaming.api.functions.windowing.AllWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.operators.GenerationOptions;
import org.millrace.operators.GenerationOptions.Watermarks;
import org.millrace.operators.MillraceGeneration;
import org.millrace.operators.OutputTypes;
import org.millrace.operators.Prompt;
import org.millrace.schemas.Completion;
import org.millrace.schemas.TokenDelta;

/** Generation in a job that is not ours: any source, any sink, windows behind it. */
class LibraryITCase {
    private static final String CHAT_MODEL = "/golden/tiny/k256/q4_1.gguf";
    private static final String CODE_MODEL = "/golden/tiny/gqa3/q8_0.gguf";
    private static final long PROMPTS = 60;
    private static final int SESSIONS = 30;

    /** More than any job here sends. */
    private static final int MOST_COLLECTED = 1000;

    private static final int PROMPTS_PER_SECOND = 50;
    private static final Duration BETWEEN_PROMPTS = Duration.ofSeconds(1);
    private static final Duration WINDOW = Duration.ofSeconds(7);
    private static final OutputTag<Completion> AFTER_ITS_WINDOW =
            new OutputTag<>("late", OutputTypes.COMPLETION);

    /** Of the one job that runs; functions of a job find nothing else in this process. */
    private static final AtomicInteger STARTS = new AtomicInteger();

    private static final AtomicInteger FAILURES = new AtomicInteger();
    private static final Set<String> BEGUN = ConcurrentHashMap.newKeySet();
    private static final Queue<String> ANSWERS = new ConcurrentLinkedQueue<>();

    @TempDir private Path directory;

    @BeforeEach
    void forget() {
        STARTS.set(0);
        FAILURES.set(0);
        BEGUN.clear();
        ANSWERS.clear();
    }

    @Test
    void twoModelsInOneJobAnswerAsEachAlone() throws Exception {
        StreamExecutionEnvironment both = environment(2);
        DataStream<Prompt> prompts = prompts(both);
        DataStream<String> chat = answers(generation(prompts, CHAT_MODEL, "chat").poolWeight(2));
        DataStream<String> code = answers(generation(prompts, CODE_MODEL, "code").poolWeight(1));
        List<String> expected = new ArrayList<>(alone(CHAT_MODEL));
        assertThat(expected).doesNotContainAnyElementsOf(alone(CODE_MODEL));
        expected.addAll(alone(CODE_MODEL));
        assertThat(collect(chat.union(code))).containsExactlyInAnyOrderElementsOf(expected);
    }

    @Test
    void windowsCountEachAnswerWithItsPrompt() throws Exception {
        StreamExecutionEnvironment env = environment(2);
        MillraceGeneration chat = generation(prompts(env), CHAT_MODEL, "chat").build();
        assertThat(collect(counts(chat))).containsExactlyInAnyOrderElementsOf(expectedCounts());
    }

    @Test
    void windowsAreTheSameThroughAFailure() throws Exception {
        StreamExecutionEnvironment env = environment(2);
        MillraceGeneration chat = generation(prompts(env), CHAT_MODEL, "chat").build();
        chat.tokens().map(new FailsOnce(), OutputTypes.TOKEN).sinkTo(new DiscardingSink<>());
        assertThat(collect(counts(chat))).containsExactlyInAnyOrderElementsOf(expectedCounts());
        assertThat(FAILURES).hasValue(1);
    }

    @Test
    void answersBehindAWatermarkThatPassesAreMarked() throws Exception {
        StreamExecutionEnvironment env = environment(2);
        MillraceGeneration chat =
                generation(prompts(env), CHAT_MODEL, "chat")
                        .option(GenerationOptions.WATERMARKS, Watermarks.PASS)
                        .build();
        DataStream<String> marks =
                chat.completions()
                        .map(answer -> answer.getLate() + " " + answer.getRequestId())
                        .returns(Types.STRING);
        List<String> collected = collect(marks.union(counts(chat)));
        List<String> afterTheirWindow = startingWith(collected, "after its window ");
        assertThat(afterTheirWindow).isNotEmpty();
        assertThat(startingWith(collected, "true ")).containsAll(afterTheirWindow);
        assertThat(
                        startingWith(collected, "true ").size()
                                + startingWith(collected, "false ").size())
                .isEqualTo((int) PROMPTS);
    }

    @Test
    void missingModelFailsTheJobOnce() {
        StreamExecutionEnvironment env = environment(1);
        String missing = directory.resolve("missing.gguf").toString();
        DataStream<String> answers =
                MillraceGeneration.of(prompts(env))
                        .model(missing)
                        .uid("chat")
                        .build()
                        .completions()
                        .map(new CountsStarts());
        assertThatThrownBy(() -> collect(answers)).hasStackTraceContaining(missing);
        assertThat(STARTS).hasValue(1);
    }

    @Test
    void goesOnFromASavepointWithAnotherParallelism() throws Exception {
        JobClient stopped = recorded(environment(2));
        while (ANSWERS.size() < 3 || BEGUN.size() < ANSWERS.size() + 2) {
            assertThat(stopped.getJobExecutionResult()).isNotDone();
            Thread.sleep(5);
        }
        String savepoint =
                stopped.stopWithSavepoint(
                                false, directory.toString(), SavepointFormatType.CANONICAL)
                        .get(30, TimeUnit.SECONDS);
        StreamExecutionEnvironment env = environment(3);
        env.configure(
                new Configuration().set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint),
                getClass().getClassLoader());
        recorded(env).getJobExecutionResult().get(30, TimeUnit.SECONDS);
        // What was answered behind the savepoint, before the job had ended, comes again, and is
        // equal.
        assertThat(Set.copyOf(ANSWERS)).containsExactlyInAnyOrderElementsOf(alone(CHAT_MODEL));
    }

    private StreamExecutionEnvironment environment(int parallelism) {
        Configuration config = new Configuration();
        config.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(50));
        config.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                directory.resolve("checkpoints").toUri().toString());
        config.set(PipelineOptions.AUTO_WATERMARK_INTERVAL, Duration.ofMillis(5));
        config.set(PipelineOptions.GENERIC_TYPES, false);
        config.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 3);
        config.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ZERO);
        return StreamExecutionEnvironment.createLocalEnvironment(parallelism, config);
    }

    private static DataStream<Prompt> prompts(StreamExecutionEnvironment env) {
        DataGeneratorSource<Long> numbers =
                new DataGeneratorSource<>(
                        number -> number,
                        PROMPTS,
                        RateLimiterStrategy.perSecond(PROMPTS_PER_SECOND),
                        Types.LONG);
        return env.fromSource(
                        numbers,
                        WatermarkStrategy.<Long>forMonotonousTimestamps()
                                .withTimestampAssigner((number, time) -> timeMillis(number)),
                        "numbers")
                .setParallelism(1)
                .uid("numbers")
                .map(
                        number ->
                                Prompt.text("s" + number % SESSIONS, "r" + number, "Say " + number)
                                        .maxTokens(maxTokens(number))
                                        .ignoreEos()
                                        .build())
                .setParallelism(1);
    }

    /** Of several lengths, so that some turns end while others go on. */
    private static int maxTokens(long number) {
        return 10 + 20 * (int) (number % 5);
    }

    private static long timeMillis(long number) {
        return number * BETWEEN_PROMPTS.toMillis();
    }

    private static MillraceGeneration.Builder generation(
            DataStream<Prompt> prompts, String model, String uid) throws Exception {
        return MillraceGeneration.of(prompts)
                .model(Path.of(LibraryITCase.class.getResource(model).toURI()).toString())
                .uid(uid);
    }

    private static DataStream<String> answers(MillraceGeneration.Builder generation) {
        return generation.build().completions().map(LibraryITCase::describe).returns(Types.STRING);
    }

    private static String describe(Completion answer) {
        return answer.getRequestId()
                + " "
                + answer.getSessionId()
                + " "
                + answer.getFinishReason()
                + " "
                + answer.getTokenIds()
                + " "
                + answer.getText();
    }

    /** Answers of a job that has this model only. */
    private List<String> alone(String model) throws Exception {
        return collect(answers(generation(prompts(environment(1)), model, "alone")));
    }

    /** Counts of each window, and answers that came after their window. */
    private static DataStream<String> counts(MillraceGeneration generation) {
        SingleOutputStreamOperator<String> counts =
                generation
                        .completions()
                        .windowAll(TumblingEventTimeWindows.of(WINDOW))
                        .sideOutputLateData(AFTER_ITS_WINDOW)
                        .apply(new Count());
        return counts.union(
                counts.getSideOutput(AFTER_ITS_WINDOW)
                        .map(answer -> "after its window " + answer.getRequestId())
                        .returns(Types.STRING));
    }

    private static List<String> expectedCounts() {
        return LongStream.range(0, PROMPTS)
                .boxed()
                .collect(
                        groupingBy(
                                number -> timeMillis(number) / WINDOW.toMillis(),
                                mapping(LibraryITCase::maxTokens, toList())))
                .entrySet()
                .stream()
                .map(window -> Count.line(window.getKey() * WINDOW.toMillis(), window.getValue()))
                .toList();
    }

    private static List<String> collect(DataStream<String> stream) throws Exception {
        return stream.executeAndCollect(MOST_COLLECTED);
    }

    private static List<String> startingWith(List<String> lines, String start) {
        return lines.stream()
                .filter(line -> line.startsWith(start))
                .map(line -> line.substring(start.length()))
                .toList();
    }

    /** Starts a job that leaves what it sends in {@link #BEGUN} and {@link #ANSWERS}. */
    private static JobClient recorded(StreamExecutionEnvironment env) throws Exception {
        // The slow kernels, which give the same bits: a stop finds turns in mid-generation.
        MillraceGeneration chat =
                generation(prompts(env), CHAT_MODEL, "chat")
                        .option(GenerationOptions.KERNELS, "reference")
                        .build();
        chat.tokens()
                .map(token -> BEGUN.add(token.getRequestId()))
                .returns(Types.BOOLEAN)
                .sinkTo(new DiscardingSink<>());
        chat.completions()
                .map(answer -> ANSWERS.add(describe(answer)))
                .returns(Types.BOOLEAN)
                .sinkTo(new DiscardingSink<>());
        return env.executeAsync();
    }

    /** Fails once, after a checkpoint that has turns without an answer. */
    private static final class FailsOnce
            implements MapFunction<TokenDelta, TokenDelta>, CheckpointListener {
        private static final long serialVersionUID = 1L;
        private static final int TOKENS = 100;

        private boolean saved;
        private int tokens;

        @Override
        public TokenDelta map(TokenDelta token) {
            tokens++;
            if (saved && tokens > TOKENS && FAILURES.compareAndSet(0, 1)) {
                throw new IllegalStateException("fails on purpose");
            }
            return token;
        }

        @Override
        public void notifyCheckpointComplete(long checkpoint) {
            saved = tokens > 0;
        }
    }

    private static final class CountsStarts extends RichMapFunction<Completion, String> {
        private static final long serialVersionUID = 1L;

        @Override
        public void open(OpenContext context) {
            STARTS.incrementAndGet();
        }

        @Override
        public String map(Completion answer) {
            return describe(answer);
        }
    }

    private static final class Count implements AllWindowFunction<Completion, String, TimeWindow> {
        private static final long serialVersionUID = 1L;

        @Override
        public void apply(TimeWindow window, Iterable<Completion> answers, Collector<String> out) {
            List<Integer> tokens = new ArrayList<>();
            for (Completion answer : answers) {
                tokens.add(answer.getUsage().getGeneratedTokens());
            }
            out.collect(line(window.getStart(), tokens));
        }

        static String line(long startMillis, List<Integer> tokens) {
            return "%d answers=%d tokens=%d"
                    .formatted(
                            startMillis,
                            tokens.size(),
                            tokens.stream().mapToInt(Integer::intValue).sum());
        }
    }
}
