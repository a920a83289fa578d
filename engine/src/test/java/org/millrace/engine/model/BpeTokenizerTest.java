// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BpeTokenizerTest {
    @Test
    void libraryThatCannotBeLoadedNamesDirectoryAndRemedies() {
        UnsatisfiedLinkError refused =
                new UnsatisfiedLinkError("libtokenizers.so: failed to map segment");
        assertThat(BpeTokenizer.notLoaded(refused))
                .hasCause(refused)
                .hasMessageContainingAll(
                        "java.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
                        "noexec",
                        "-Djava.io.tmpdir=DIR",
                        "MILLRACE_JAVA_OPTS",
                        "env.java.opts.taskmanager",
                        "failed to map segment");
    }
}
