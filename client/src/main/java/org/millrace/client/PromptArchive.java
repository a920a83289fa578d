// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.specific.SpecificDatumReader;
import org.millrace.operators.BadRequestException;
import org.millrace.operators.RequestCheck;
import org.millrace.schemas.PromptRequest;

/** Reads prompts from an Avro file: an object container of {@code PromptRequest} records. */
final class PromptArchive {
    private PromptArchive() {}

    /**
     * All records of a file, in their order.
     *
     * @throws PromptFormatException naming file, record and problem
     */
    static List<PromptRequest> read(File file) throws IOException {
        List<PromptRequest> requests = new ArrayList<>();
        UniqueTurns turns = new UniqueTurns("record");
        try (DataFileReader<PromptRequest> reader =
                new DataFileReader<>(
                        file, new SpecificDatumReader<>(PromptRequest.getClassSchema()))) {
            while (reader.hasNext()) {
                PromptRequest request = reader.next();
                RequestCheck.check(request);
                turns.add(request, requests.size() + 1);
                requests.add(request);
            }
            return requests;
        } catch (BadRequestException e) {
            throw problem(file, requests, e.reason().code() + ": " + e.getMessage());
        } catch (AvroRuntimeException | IOException | IllegalArgumentException e) {
            throw problem(file, requests, e.getMessage());
        }
    }

    private static PromptFormatException problem(
            File file, List<PromptRequest> before, String problem) {
        return new PromptFormatException(file.toString(), before.size() + 1, problem);
    }
}
