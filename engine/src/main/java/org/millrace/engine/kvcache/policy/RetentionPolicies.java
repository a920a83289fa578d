// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.kvcache.policy;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** All policies by name. */
public final class RetentionPolicies {
    /** What requests get that ask for nothing. */
    public static final String DEFAULT = FastGen.NAME;

    /**
     * Part of every cache's fingerprint: to be raised when a policy of the same text form keeps
     * other slots than before.
     */
    public static final int VERSION = 2;

    private static final List<Preset> PRESETS =
            List.of(
                    Full.PRESET,
                    FastGen.PRESET,
                    FastGenPaper.PRESET,
                    HeadLadder.PRESET,
                    KvZip.PRESET,
                    KvZip.ALL_TURNS,
                    SnapKv.PRESET,
                    Streaming.PRESET,
                    H2o.PRESET,
                    Window.PRESET,
                    SingleRung.SPECIAL,
                    SingleRung.PUNCTUATION,
                    SingleRung.FREQUENT,
                    RandomSlots.PRESET);

    private static final int MAX_KNOWN = 1024;

    /** What was asked for before: sessions ask for the same again and again. */
    private static final Map<Retention, RetentionPolicy> KNOWN = new ConcurrentHashMap<>();

    private RetentionPolicies() {}

    public static List<String> names() {
        return PRESETS.stream().map(Preset::name).toList();
    }

    /** What {@code retention} asks for. */
    public static RetentionPolicy lookup(Retention retention) {
        RetentionPolicy known = KNOWN.get(retention);
        if (known == null) {
            known = preset(retention.policy()).policy().apply(retention);
            if (KNOWN.size() >= MAX_KNOWN) {
                KNOWN.clear();
            }
            KNOWN.put(retention, known);
        }
        return known;
    }

    static Preset preset(String name) {
        return PRESETS.stream()
                .filter(preset -> preset.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        "unknown policy: policy="
                                                + name
                                                + ", known="
                                                + String.join(", ", names())));
    }
}
