// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionOption;

class AblationTest {
    @Test
    void theFirstIsThePapersLadder() {
        List<Retention> retentions =
                Ablation.policies(0.98).stream().map(Retention::parse).toList();
        Retention paper = Retention.of("fastgen-paper").with(RetentionOption.RECOVERY, "0.98");
        assertThat(retentions.get(0)).isEqualTo(paper);
        assertThat(retentions).hasSize(8).doesNotHaveDuplicates();
    }

    @Test
    void rungsGrow() {
        assertThat(Ablation.ladder(List.of("special", "local")))
                .isEqualTo("special,special+local,full");
    }
}
