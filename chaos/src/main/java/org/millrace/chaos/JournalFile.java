// SPDX-License-Identifier: Apache-2.0
package org.millrace.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads the operators' journal while they write it. Not thread safe. */
final class JournalFile implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FileChannel file;
    private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    private JournalFile(FileChannel file) {
        this.file = file;
    }

    /** Opens a journal, which need not exist yet. */
    static JournalFile open(Path path) throws IOException {
        if (!Files.exists(path)) {
            Files.createFile(path);
        }
        return new JournalFile(FileChannel.open(path));
    }

    /** The events since the last call. */
    List<JsonNode> poll() throws IOException {
        List<JsonNode> events = new ArrayList<>();
        while (file.read(buffer.clear()) > 0) {
            buffer.flip();
            while (buffer.hasRemaining()) {
                byte next = buffer.get();
                if (next == '\n') {
                    events.add(JSON.readTree(line.toByteArray()));
                    line.reset();
                } else {
                    line.write(next);
                }
            }
        }
        return events;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
