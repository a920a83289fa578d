// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.description.HtmlFormatter;
import org.apache.flink.util.TimeUtils;
import org.junit.jupiter.api.Test;
import org.millrace.operators.GenerationOptions;

/**
 * {@code docs/options.md} tells every option with its default. When this fails, its message is the
 * table as it should be.
 */
class OptionsTableTest {
    @Test
    void theDocumentedOptionsAreThoseOfTheCode() throws Exception {
        StringBuilder table = new StringBuilder("| Option | Default | Meaning |\n|---|---|---|\n");
        for (Class<?> options : List.of(GenerationOptions.class, MillraceOptions.class)) {
            for (Field field : options.getFields()) {
                if (field.get(null) instanceof ConfigOption<?> option) {
                    table.append(row(option));
                }
            }
        }
        assertThat(Files.readString(Path.of("../docs/options.md"))).contains(table);
    }

    private static String row(ConfigOption<?> option) {
        String description = new HtmlFormatter().format(option.description());
        return "| `" + option.key() + "` | " + defaultValue(option) + " | " + description + " |\n";
    }

    private static String defaultValue(ConfigOption<?> option) {
        if (!option.hasDefaultValue()) {
            return "(none)";
        }
        Object value = option.defaultValue();
        if (value instanceof Duration duration) {
            return "`" + TimeUtils.formatWithHighestUnit(duration) + "`";
        }
        return "`"
                + (value instanceof Enum<?> ? value.toString().toLowerCase(Locale.ROOT) : value)
                + "`";
    }
}
