// SPDX-License-Identifier: Apache-2.0
package org.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.schemas.PromptRequest;

class TopicContentsTest {
    private static final TopicContents.Prompt HELD =
            new TopicContents.Prompt(request("r1", "x"), 0, 7);
    private static final TopicContents CONTENTS =
            new TopicContents(List.of(HELD, new TopicContents.Prompt(null, 0, 8)), List.of(), 0);

    @Test
    void requestsAreThereOrMissing() throws Exception {
        List<PromptRequest> requests = List.of(request("r1", "x"), request("r2", "y"));
        assertThat(CONTENTS.held(requests)).containsExactly(HELD);
        assertThat(CONTENTS.missing(requests)).containsExactly(request("r2", "y"));
    }

    @Test
    void oneWithOtherContentsIsNamed() {
        assertThatThrownBy(() -> CONTENTS.held(List.of(request("r1", "changed"))))
                .hasMessageContaining("session=s, request=r1 was published before")
                .hasMessageContaining("offset=7");
    }

    private static PromptRequest request(String id, String text) {
        return PromptRequest.newBuilder().setSessionId("s").setRequestId(id).setText(text).build();
    }
}
