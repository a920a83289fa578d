// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.List;

/** Stands for the template of a model that has none: such a model only continues plain text. */
record MissingChatTemplate(String source) implements ChatTemplate {
    @Override
    public String render(List<Message> messages) {
        throw missing();
    }

    @Override
    public int[] encodeFirstTurn(List<Message> messages) {
        throw missing();
    }

    @Override
    public int[] encodeNextTurn(List<Message> messages, boolean ended) {
        throw missing();
    }

    private ModelFormatException missing() {
        return new ModelFormatException(
                source + " has no chat template: use plain prompts, or an instruct model");
    }
}
