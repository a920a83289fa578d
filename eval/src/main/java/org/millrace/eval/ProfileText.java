// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.awt.Color;
import java.util.Locale;
import org.millrace.engine.kvcache.policy.HeadChoice;

/** A profile for terminals: a line for each layer, a cell for each KV head. */
public final class ProfileText {
    private static final String RESET = "\u001B[0m";

    private final PromptProfile profile;
    private final boolean colored;

    /**
     * @param colored with escape sequences
     */
    public ProfileText(PromptProfile profile, boolean colored) {
        this.profile = profile;
        this.colored = colored;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        text.append(
                String.format(
                        Locale.ROOT,
                        "%s: %d tokens, %.1f %% of slots dropped%n%n",
                        EvalTables.label(profile.retention()),
                        profile.tokens(),
                        100 * profile.pruned()));
        text.append("layer  of each KV head: rung, kept share in %\n");
        for (int layer = 0; layer < profile.layers(); layer++) {
            text.append(String.format(Locale.ROOT, "%5d ", layer));
            for (int kvHead = 0; kvHead < profile.kvHeads(); kvHead++) {
                HeadChoice head = profile.head(layer, kvHead);
                long share = Math.round(100 * profile.keptShare(head));
                text.append(
                        cell(
                                head.rung(),
                                String.format(Locale.ROOT, " %2d: %3d ", head.rung(), share)));
            }
            text.append('\n');
        }
        text.append('\n');
        for (int rung = 0; rung < profile.rungs().size(); rung++) {
            int chosen = rung;
            long heads = profile.heads().stream().filter(head -> head.rung() == chosen).count();
            text.append(cell(rung, String.format(Locale.ROOT, " %2d ", rung)))
                    .append(' ')
                    .append(profile.rungs().get(rung))
                    .append(": ")
                    .append(heads)
                    .append(" heads\n");
        }
        return text.toString();
    }

    private String cell(int rung, String text) {
        if (!colored) {
            return text;
        }
        Color background = RungColors.of(rung, profile.rungs().size());
        Color foreground = RungColors.textOn(background);
        return "\u001B[48;2;" + code(background) + ";38;2;" + code(foreground) + "m" + text + RESET;
    }

    private static String code(Color color) {
        return color.getRed() + ";" + color.getGreen() + ";" + color.getBlue();
    }
}
