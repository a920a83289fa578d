package org.millrace.engine.kvcache.policy;

import java.util.List;

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

    private RetentionPolicies() {}

    public static List<String> names() {
        return PRESETS.stream().map(Preset::name).toList();
    }

    /** What {@code retention} asks for. */
    public static RetentionPolicy lookup(Retention retention) {
        return preset(retention.policy()).policy().apply(retention);
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
