// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.client.program.ProgramParametrizationException;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.util.TimeUtils;
import org.millrace.engine.kernels.KernelProviders;
import org.millrace.engine.kvcache.KvType;
import org.millrace.operators.GenerationOptions;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;

/**
 * The command line's options that concern the job, for {@code millrace run} and {@code flink run}
 * alike.
 */
@Command(
        name = "flink run millrace-job.jar",
        description = "Runs the generation job on a Flink cluster.")
public final class JobArguments {
    private static final OptionSpec HELP =
            OptionSpec.builder("-h", "--help").usageHelp(true).description("Shows this.").build();

    @Option(
            names = "--model",
            paramLabel = "FILE|DIR|URI",
            description = "GGUF file or Hugging Face directory.")
    public String model;

    @Option(
            names = "--kv-type",
            paramLabel = "TYPE",
            description =
                    "Type of cached keys and values: ${COMPLETION-CANDIDATES} (default: INT8).")
    KvType kvType;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description =
                    "Where kernels run: auto (a GPU if there is one), cuda or cuda:N, cpu (C++) or"
                            + " reference (Java) (default: auto).",
            converter = DeviceConverter.class)
    String device;

    @Mixin public KafkaArguments kafka = new KafkaArguments();

    @Option(
            names = "--delivery",
            paramLabel = "GUARANTEE",
            description =
                    "How answers are written: exactly-once or at-least-once (default: exactly-once).",
            converter = DeliveryConverter.class)
    MillraceOptions.Delivery delivery;

    @Option(
            names = "--parallelism",
            paramLabel = "N",
            description = "Subtasks of the job, at least 1 (default: 1).",
            converter = PositiveConverter.class)
    Integer parallelism;

    @Option(
            names = "--state-backend",
            paramLabel = "NAME",
            description = "hashmap or rocksdb (default: rocksdb, incremental).")
    String stateBackend;

    @Option(
            names = "--checkpoint-interval",
            paramLabel = "TIME",
            description = "Such as 500ms or 10s (default: 1s).",
            converter = DurationConverter.class)
    Duration checkpointInterval;

    @Option(
            names = "--checkpoint-dir",
            paramLabel = "DIR|URI",
            description = "Directory for checkpoints.")
    public String checkpointDirectory;

    @Option(
            names = "--from-savepoint",
            paramLabel = "DIR|URI",
            description = "Savepoint or retained checkpoint to continue from.")
    String fromSavepoint;

    @Option(
            names = "-D",
            paramLabel = "key=value",
            converter = OptionNames.Converter.class,
            description = "Set any Flink or Millrace option.")
    Map<String, String> properties = new LinkedHashMap<>();

    /** Options as a configuration, with nothing in it that was not given. */
    public Configuration toConfiguration() {
        Configuration config = Configuration.fromMap(properties);
        set(config, GenerationOptions.MODEL, model);
        set(config, GenerationOptions.KV_TYPE, kvType);
        set(config, GenerationOptions.KERNELS, device);
        kafka.addTo(config);
        set(config, MillraceOptions.DELIVERY, delivery);
        set(config, CoreOptions.DEFAULT_PARALLELISM, parallelism);
        set(config, StateBackendOptions.STATE_BACKEND, stateBackend);
        set(config, CheckpointingOptions.CHECKPOINTING_INTERVAL, checkpointInterval);
        set(config, CheckpointingOptions.CHECKPOINTS_DIRECTORY, checkpointDirectory);
        set(config, StateRecoveryOptions.SAVEPOINT_PATH, fromSavepoint);
        FlinkPaths.qualify(config);
        return config;
    }

    static <T> void set(Configuration config, ConfigOption<T> option, T value) {
        if (value != null) {
            config.set(option, value);
        }
    }

    /**
     * The options; nothing if {@code args} ask for help, which is printed.
     *
     * @throws ProgramParametrizationException if they are wrong; Flink's client prints its message
     *     and ends
     */
    static Optional<Configuration> parse(String... args) {
        JobArguments arguments = new JobArguments();
        CommandLine line = new CommandLine(arguments).setCaseInsensitiveEnumValuesAllowed(true);
        // Not among the options above: the commands that these are mixed into have their own.
        line.getCommandSpec().addOption(HELP);
        try {
            boolean isHelp = CommandLine.printHelpIfRequested(line.parseArgs(args));
            return isHelp ? Optional.empty() : Optional.of(arguments.toConfiguration());
        } catch (ParameterException e) {
            throw new ProgramParametrizationException(e.getMessage());
        }
    }

    /** Names of kernel providers. */
    static final class DeviceConverter implements ITypeConverter<String> {
        @Override
        public String convert(String text) {
            if (!KernelProviders.isKnown(text)) {
                throw new TypeConversionException("must be auto, cuda, cuda:N, cpu or reference");
            }
            return text;
        }
    }

    /** Numbers from 1 on. */
    static final class PositiveConverter implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            try {
                int number = Integer.parseInt(text);
                if (number >= 1) {
                    return number;
                }
            } catch (NumberFormatException e) {
                // Said below.
            }
            throw new TypeConversionException(text + ": must be a whole number, at least 1");
        }
    }

    /** Flink's own spelling of durations. */
    static final class DurationConverter implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            try {
                return TimeUtils.parseDuration(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(
                        text + ": must be a time with a unit, such as 500ms, 10s or 5min");
            }
        }
    }

    /** Flink's spelling of enums: lower case, hyphens. */
    static final class DeliveryConverter implements ITypeConverter<MillraceOptions.Delivery> {
        @Override
        public MillraceOptions.Delivery convert(String text) {
            try {
                return MillraceOptions.Delivery.valueOf(
                        text.toUpperCase(Locale.ROOT).replace('-', '_'));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(text + ": must be exactly-once or at-least-once");
            }
        }
    }
}
