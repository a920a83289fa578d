// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.millrace.engine.kvcache.policy.Retention;

class PolicyGridTest {
    private static List<String> expand(String policy) {
        return new PolicyGrid(List.of(0.5, 0.25), List.of(0.9))
                .expand(List.of(policy, policy)).stream().map(EvalTables::label).toList();
    }

    @Test
    void policiesGetAllBudgetsOfTheirKind() {
        assertThat(expand("full")).containsExactly("full");
        assertThat(expand("kvzip")).containsExactly("kvzip keep=0.5", "kvzip");
        assertThat(expand("fastgen"))
                .containsExactly("fastgen keep=0.5", "fastgen keep=0.25", "fastgen recovery=0.9");
        assertThat(expand("fastgen-paper")).containsExactly("fastgen-paper recovery=0.9");
        assertThat(expand("h2o"))
                .containsExactly("h2o", "h2o local-ratio=0.125 frequent-ratio=0.125");
        assertThat(expand("streaming")).containsExactly("streaming", "streaming local-ratio=0.25");
        assertThat(expand("special")).containsExactly("special");
    }

    @Test
    void aBudgetThatIsNamedStays() {
        assertThat(expand("kvzip keep=0.7")).containsExactly("kvzip keep=0.7");
        assertThat(expand("fastgen recovery=0.7 sinks=8"))
                .containsExactly("fastgen recovery=0.7 sinks=8");
        assertThat(expand("h2o frequent-ratio=0.5")).containsExactly("h2o frequent-ratio=0.5");
        assertThat(expand("kvzip sinks=0"))
                .containsExactly("kvzip keep=0.5 sinks=0", "kvzip sinks=0");
    }

    @Test
    void aWrongPolicyIsNamed() {
        assertThatThrownBy(() -> expand("fastgem")).hasMessageContaining("policy=fastgem");
        assertThatThrownBy(() -> expand("kvzip keep=2")).hasMessageContaining("keep=2");
    }

    @Test
    void labelsTellWhatDiffers() {
        assertThat(EvalTables.label(Retention.parse("random keep=0.5 seed=3")))
                .isEqualTo("random seed=3");
    }
}
