// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.List;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.millrace.operators.MillraceGeneration;
import org.millrace.operators.RejectedPrompt;
import org.millrace.operators.TenantBudgets;
import org.millrace.schemas.Completion;
import org.millrace.schemas.Header;
import org.millrace.schemas.TokenDelta;

/** Makes records of the topics of what generation sends: Kafka has headers beside the value. */
final class AnswerRecords {
    private AnswerRecords() {}

    static DataStream<OutputRecord> tokens(MillraceGeneration generation) {
        return generation.tokens().map(AnswerRecords::of, OutputRecord.TYPE).name("token records");
    }

    static DataStream<OutputRecord> completions(MillraceGeneration generation) {
        return generation
                .completions()
                .map(AnswerRecords::of, OutputRecord.TYPE)
                .name("completion records");
    }

    /** Of generation, or of {@link TenantBudgets}. */
    static DataStream<OutputRecord> deadLetters(DataStream<RejectedPrompt> rejected) {
        return rejected.map(DeadLetters::of, OutputRecord.TYPE).name("dead letters");
    }

    private static OutputRecord of(TokenDelta token) {
        List<Header> headers = OutputRecord.withoutHeader(token.getHeaders(), Origin.PROMPT_HEADER);
        return new OutputRecord(
                token.getSessionId(),
                TokenDelta.newBuilder(token).setHeaders(List.of()).build(),
                headers);
    }

    private static OutputRecord of(Completion completion) {
        return new OutputRecord(
                completion.getSessionId(),
                Completion.newBuilder(completion).setHeaders(List.of()).build(),
                completion.getHeaders());
    }
}
