// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.millrace.e2e.TestCluster;
import picocli.CommandLine;

/**
 * {@code ./millrace} on systems that lack something: a locale, a user's name and home, room on a
 * disk, file systems that code may be loaded from. It works, or one line says what to do.
 */
@Timeout(180)
class LauncherITCase {
    private static final Path LAUNCHER = Path.of("../millrace");

    /** A user of its own may mount in a mount namespace of its own. */
    private static final List<String> OWN_MOUNTS = List.of("unshare", "-Urm");

    private record Outcome(int exitCode, String out, List<String> err) {}

    @TempDir private Path directory;
    private Path mount;

    /** A checkout that looks built. */
    @BeforeEach
    void checkout() throws Exception {
        Path target = Files.createDirectories(directory.resolve("cli/target"));
        Files.createDirectories(directory.resolve("cli/src/main"));
        Files.createDirectories(directory.resolve("engine/target/classes"));
        Files.writeString(directory.resolve("pom.xml"), "");
        Files.writeString(directory.resolve("cli/pom.xml"), "");
        Files.writeString(
                target.resolve("class-path"),
                directory.toRealPath()
                        + "/engine/target/classes:"
                        + System.getProperty("java.class.path"));
        Files.copy(LAUNCHER, directory.resolve("millrace"));
        Files.writeString(target.resolve("launcher-stamp"), "");
        mount = Files.createDirectory(directory.resolve("mount"));
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void localeThatIsNotInstalledChangesNoText() throws Exception {
        Map<String, String> environment = Map.of("LANG", "xx_YY.UTF-8", "LC_ALL", "xx_YY.UTF-8");
        Outcome outcome =
                millrace(
                        List.of(),
                        environment,
                        "tokenize --json --model " + TestCluster.tinyModel() + " --text Grüße");
        Outcome ascii =
                millrace(
                        List.of(),
                        environment,
                        "tokenize --json --model " + TestCluster.tinyModel() + " --text Gr??e");
        assertThat(outcome.exitCode()).as("%s", outcome.err()).isZero();
        assertThat(outcome.out()).contains("[").isNotEqualTo(ascii.out());
        assertThat(outcome.out()).doesNotContain("\uFFFD");
    }

    @Test
    void userWithoutANameAndAHomeIsToldToSetOne() throws Exception {
        List<String> unknownUser =
                List.of("setpriv", "--reuid=54321", "--regid=54321", "--clear-groups");
        assumePermitted(unknownUser, List.of("true"), "to become another user");
        String library =
                CommandLine.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        assumePermitted(
                unknownUser, List.of("test", "-r", library), "to show others the libraries");
        List<String> prefix = new ArrayList<>(unknownUser);
        prefix.addAll(List.of("env", "-u", "HOME", "-u", "MILLRACE_HOME"));
        String model = " --model " + readableModel();
        assertThat(millrace(prefix, Map.of(), "generate --prompt mill --max-tokens 2" + model))
                .matches(outcome -> outcome.exitCode() == 0)
                .matches(outcome -> !outcome.out().isBlank());
        assertFails(millrace(prefix, Map.of(), "run" + model), "MILLRACE_HOME");
    }

    @Test
    void temporaryDirectoryThatIsNoexecIsNamed() throws Exception {
        assumePermitted(OWN_MOUNTS, List.of("true"), "to mount");
        Outcome outcome =
                millrace(
                        mounting("noexec,size=64m"),
                        Map.of("MILLRACE_JAVA_OPTS", "-Djava.io.tmpdir=" + mount),
                        "generate --prompt mill --model " + TestCluster.tinyModel());
        assertThat(outcome.exitCode()).isEqualTo(1);
        assertThat(outcome.err())
                .as("the C++ kernels, and why nothing works")
                .hasSizeLessThanOrEqualTo(2)
                .last()
                .asString()
                .startsWith("millrace: cannot load the tokenizer's native library")
                .contains("java.io.tmpdir=" + mount, "noexec", "MILLRACE_JAVA_OPTS");
    }

    @Test
    @Tag("nightly")
    void workDirectoryThatIsNoexecIsNamed() throws Exception {
        assumePermitted(OWN_MOUNTS, List.of("true"), "to mount");
        String run = "run --model " + TestCluster.tinyModel() + " --work-dir " + mount + "/job";
        assertFails(
                millrace(mounting("noexec,size=512m"), Map.of(), run),
                "directory=" + mount + "/job/tmp is mounted noexec");
        Outcome elsewhere =
                millrace(
                        mounting("noexec,size=512m"),
                        Map.of(),
                        run + " --json -Drest.bind-port=0 -Dio.tmp.dirs=" + directory);
        assertThat(elsewhere.exitCode()).as("%s", elsewhere.err()).isZero();
    }

    @Test
    void diskWithoutRoomIsNamed() throws Exception {
        assumePermitted(OWN_MOUNTS, List.of("true"), "to mount");
        assertFails(
                millrace(
                        mounting("size=64m"),
                        Map.of(),
                        "run --model " + TestCluster.tinyModel() + " --work-dir " + mount),
                "no space left: directory=" + mount);
    }

    @Test
    @Tag("nightly")
    void diskThatBecomesFullEndsTheRun() throws Exception {
        assumePermitted(OWN_MOUNTS, List.of("true"), "to mount");
        Path fill = directory.resolve("fill");
        Files.writeString(
                fill,
                """
                until grep -q '^web UI' %1$s/out; do sleep 0.2; done
                sleep 3
                room=$(df --output=avail -BM %2$s | tail -n 1 | tr -dc 0-9)
                dd if=/dev/zero of=%2$s/filler bs=1M count=$((room - 12)) status=none
                """
                        .formatted(directory, mount));
        List<String> prefix = new ArrayList<>(OWN_MOUNTS);
        prefix.addAll(
                List.of(
                        "sh",
                        "-ec",
                        "mount -t tmpfs -o size=400m none "
                                + mount
                                + "; sh "
                                + fill
                                + " & exec \"$@\"",
                        "sh"));
        assertFails(
                millrace(
                        prefix,
                        Map.of(),
                        "run --serve --port 0 -Drest.bind-port=0 --model "
                                + TestCluster.tinyModel()
                                + " --work-dir "
                                + mount),
                "no space left: directory=" + mount);
    }

    private static void assertFails(Outcome outcome, String message) {
        assertThat(outcome.exitCode()).as("%s", outcome.err()).isEqualTo(1);
        assertThat(outcome.err()).singleElement().asString().startsWith("millrace: ");
        assertThat(outcome.err().get(0)).contains(message);
    }

    private static void assumePermitted(List<String> command, List<String> what, String name)
            throws Exception {
        List<String> probe = new ArrayList<>(command);
        probe.addAll(what);
        try {
            assumeTrue(
                    new ProcessBuilder(probe).start().waitFor() == 0,
                    "this user is not permitted " + name);
        } catch (IOException e) {
            assumeTrue(false, "no " + command.get(0) + " on this system");
        }
    }

    private List<String> mounting(String options) {
        List<String> prefix = new ArrayList<>(OWN_MOUNTS);
        prefix.addAll(
                List.of(
                        "sh",
                        "-ec",
                        "mount -t tmpfs -o " + options + " none " + mount + "; exec \"$@\"",
                        "sh"));
        return prefix;
    }

    /** Outside of directories that only their owner may enter. */
    private Path readableModel() throws Exception {
        return Files.copy(Path.of(TestCluster.tinyModel()), directory.resolve("tiny.gguf"));
    }

    private Outcome millrace(List<String> prefix, Map<String, String> environment, String arguments)
            throws Exception {
        List<String> command = new ArrayList<>(prefix);
        command.addAll(List.of("bash", directory.resolve("millrace").toString()));
        command.addAll(List.of(arguments.split(" ")));
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .redirectOutput(directory.resolve("out").toFile())
                        .redirectError(directory.resolve("err").toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(90, TimeUnit.SECONDS)).as(arguments).isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Outcome(
                process.exitValue(),
                Files.readString(directory.resolve("out"), StandardCharsets.UTF_8),
                Files.readAllLines(directory.resolve("err"), StandardCharsets.UTF_8));
    }
}
