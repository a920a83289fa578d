// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.millrace.chaos.ChaosCommand;
import org.millrace.chaos.ClusterCheckCommand;
import org.millrace.cli.run.RunCommand;
import org.millrace.client.ConsumeCommand;
import org.millrace.client.ProduceCommand;
import org.millrace.client.RedriveCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/**
 * The command line. Results go to standard output, everything else to standard error.
 *
 * <p>Exit codes: 0 done, 1 failed (one line on standard error says why), 2 wrong usage.
 */
@Command(
        name = "millrace",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = Millrace.BuildVersion.class,
        usageHelpAutoWidth = true,
        sortOptions = false,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:Done.",
            "1:Failed; one line on standard error says why.",
            "2:Wrong usage: an unknown option or a value out of range."
        },
        subcommands = {
            RunCommand.class,
            GenerateCommand.class,
            ScoreCommand.class,
            ModelsCommand.class,
            TokenizeCommand.class,
            ProfileCommand.class,
            EvalCommand.class,
            GpuCheckCommand.class,
            ProduceCommand.class,
            ConsumeCommand.class,
            RedriveCommand.class,
            ChaosCommand.class,
            ClusterCheckCommand.class
        },
        description = "Generates text with large language models inside Apache Flink.")
public final class Millrace implements Runnable {
    private static final char REPLACEMENT_CHARACTER = '\uFFFD';

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Log what is done, and print the stack trace of a failure.")
    private boolean verbose;

    @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

    public static void main(String[] args) {
        // Read when the first logger is made, which is before the arguments are parsed.
        if (List.of(args).contains("--verbose")) {
            System.setProperty("millrace.log.level", "INFO");
            System.setProperty("millrace.log.throwable", "full");
        }
        PrintStream results =
                new PrintStream(
                        new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.exit(execute(results, args));
    }

    /** Runs a command, its results going to {@code results}; returns the exit code. */
    static int execute(PrintStream results, String... args) {
        PrintStream standardOutput = System.out;
        System.setOut(results);
        Millrace millrace = new Millrace();
        CommandLine commands = new CommandLine(millrace);
        // What a library prints is not a result.
        System.setOut(System.err);
        try {
            commands.setOut(new PrintWriter(results, true, StandardCharsets.UTF_8));
            commands.setCaseInsensitiveEnumValuesAllowed(true);
            commands.setParameterExceptionHandler(Millrace::wrongUsage);
            commands.setExecutionExceptionHandler(
                    (failure, command, parsed) -> failed(failure, command, millrace.verbose));
            int exitCode = isReadable(args) ? commands.execute(args) : CommandLine.ExitCode.USAGE;
            if (results.checkError()) {
                System.err.println("millrace: cannot write to standard output");
                return CommandLine.ExitCode.SOFTWARE;
            }
            return exitCode;
        } catch (OutOfMemoryError e) {
            System.err.println(
                    "millrace: out of memory: "
                            + e.getMessage()
                            + "; try MILLRACE_JAVA_OPTS=-Xmx4g");
            return CommandLine.ExitCode.SOFTWARE;
        } catch (UnsatisfiedLinkError e) {
            System.err.println(
                    "millrace: cannot load a native library: "
                            + e.getMessage()
                            + "; if "
                            + System.getProperty("java.io.tmpdir")
                            + " is mounted noexec, set MILLRACE_JAVA_OPTS=-Djava.io.tmpdir=DIR to"
                            + " a directory on another file system");
            return CommandLine.ExitCode.SOFTWARE;
        } finally {
            results.flush();
            System.setOut(standardOutput);
        }
    }

    /** Whether all bytes of the arguments were characters; Java replaces those that were none. */
    private static boolean isReadable(String[] args) {
        for (String arg : args) {
            if (arg.indexOf(REPLACEMENT_CHARACTER) >= 0) {
                System.err.println(
                        "millrace: the argument "
                                + arg
                                + " is not UTF-8; use a terminal with UTF-8 and LC_ALL=C.UTF-8, or"
                                + " put the text into a file");
                return false;
            }
        }
        return true;
    }

    private static int wrongUsage(ParameterException usage, String[] args) {
        System.err.println("millrace: " + usage.getMessage());
        CommandLine.UnmatchedArgumentException.printSuggestions(
                usage, new PrintWriter(System.err, true));
        System.err.println(
                "Try: " + usage.getCommandLine().getCommandSpec().qualifiedName() + " --help");
        return CommandLine.ExitCode.USAGE;
    }

    private static int failed(Exception failure, CommandLine command, boolean verbose) {
        if (failure instanceof ParameterException usage) {
            return wrongUsage(usage, new String[0]);
        }
        if (verbose) {
            failure.printStackTrace();
        } else {
            System.err.println("millrace: " + message(failure));
        }
        return CommandLine.ExitCode.SOFTWARE;
    }

    /** Says what {@code getMessage} of some failures does not. */
    private static String message(Exception failure) {
        String message = failure.getMessage();
        if (message == null) {
            return failure.getClass().getName();
        }
        if (failure instanceof NoSuchFileException) {
            return "no such file: " + message;
        }
        if (failure instanceof AccessDeniedException) {
            return "permission denied: " + message;
        }
        if (failure instanceof FileAlreadyExistsException) {
            return "there is a file where a directory is needed: " + message;
        }
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (root instanceof TimeoutException) {
            return message + "; are the brokers up, and is --bootstrap-servers their address?";
        }
        return failure instanceof KafkaException && root != failure
                ? message + ": " + root.getMessage()
                : message;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }

    /** The version of the build. */
    static final class BuildVersion implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            Properties build = new Properties();
            try (InputStream in = Millrace.class.getResourceAsStream("version.properties")) {
                build.load(in);
            }
            return new String[] {"millrace " + build.getProperty("version")};
        }
    }
}
