// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import javax.imageio.ImageIO;
import org.millrace.engine.kvcache.policy.HeadChoice;

/**
 * A profile as a picture: a cell for each layer (to the right) and KV head (downwards), its colour
 * the rung, its number the kept share in percent. Plain Java2D: chart libraries tie a cell's colour
 * to its number.
 */
public final class ProfilePicture {
    private static final int CELL_WIDTH = 40;
    private static final int CELL_HEIGHT = 30;
    private static final int LEFT = 70;
    private static final int TOP = 70;
    private static final int LINE = 20;
    private static final int MARGIN = 20;

    private final PromptProfile profile;
    private final Graphics2D graphics;
    private final BufferedImage image;

    private ProfilePicture(PromptProfile profile) {
        this.profile = profile;
        int width = LEFT + Math.max(16, profile.layers()) * CELL_WIDTH + MARGIN;
        int legend = (profile.rungs().size() + 1) * LINE;
        int height = TOP + profile.kvHeads() * CELL_HEIGHT + MARGIN + legend + MARGIN;
        image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        graphics = image.createGraphics();
        graphics.setRenderingHint(
                RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, width, height);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    }

    /** Writes a PNG. */
    public static void write(PromptProfile profile, Path file) throws IOException {
        ProfilePicture picture = new ProfilePicture(profile);
        picture.draw();
        File target = file.toFile();
        try {
            ImageIO.write(picture.image, "png", target);
        } catch (IOException e) {
            throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
        } finally {
            picture.graphics.dispose();
        }
    }

    private void draw() {
        text(
                String.format(
                        Locale.ROOT,
                        "%s: %d tokens, %.1f %% of slots dropped",
                        EvalTables.label(profile.retention()),
                        profile.tokens(),
                        100 * profile.pruned()),
                MARGIN,
                MARGIN);
        text("layer", MARGIN, TOP - 8);
        for (int layer = 0; layer < profile.layers(); layer++) {
            centred(String.valueOf(layer), LEFT + layer * CELL_WIDTH, TOP - CELL_HEIGHT);
            for (int kvHead = 0; kvHead < profile.kvHeads(); kvHead++) {
                drawHead(layer, kvHead);
            }
        }
        for (int kvHead = 0; kvHead < profile.kvHeads(); kvHead++) {
            text("head " + kvHead, MARGIN, TOP + kvHead * CELL_HEIGHT + LINE);
        }
        drawLegend();
    }

    private void drawHead(int layer, int kvHead) {
        HeadChoice head = profile.head(layer, kvHead);
        int x = LEFT + layer * CELL_WIDTH;
        int y = TOP + kvHead * CELL_HEIGHT;
        Color color = color(head.rung());
        graphics.setColor(color);
        graphics.fillRect(x, y, CELL_WIDTH - 1, CELL_HEIGHT - 1);
        graphics.setColor(RungColors.textOn(color));
        centred(String.valueOf(Math.round(100 * profile.keptShare(head))), x, y);
    }

    private void drawLegend() {
        int y = TOP + profile.kvHeads() * CELL_HEIGHT + MARGIN;
        for (int rung = 0; rung < profile.rungs().size(); rung++) {
            int chosen = rung;
            long heads = profile.heads().stream().filter(head -> head.rung() == chosen).count();
            graphics.setColor(color(rung));
            graphics.fillRect(LEFT, y + rung * LINE, LINE - 6, LINE - 6);
            text(
                    profile.rungs().get(rung) + ": " + heads + " heads",
                    LEFT + LINE,
                    y + rung * LINE + 12);
        }
        text("number: kept share of the prompt in %", LEFT, y + profile.rungs().size() * LINE + 12);
    }

    private Color color(int rung) {
        return RungColors.of(rung, profile.rungs().size());
    }

    private void text(String text, int x, int y) {
        graphics.setColor(Color.BLACK);
        graphics.drawString(text, x, y);
    }

    /** In the colour that is set, in the middle of a cell. */
    private void centred(String text, int x, int y) {
        FontMetrics metrics = graphics.getFontMetrics();
        graphics.drawString(
                text,
                x + (CELL_WIDTH - metrics.stringWidth(text)) / 2,
                y + (CELL_HEIGHT + metrics.getAscent()) / 2 - 2);
    }
}
