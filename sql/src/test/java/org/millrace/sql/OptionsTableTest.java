// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.description.HtmlFormatter;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/sql.md} tells every option with its default, and the factory lists it. When this
 * fails, its message is the table as it should be.
 */
class OptionsTableTest {
    @Test
    void theDocumentedOptionsAreThoseOfTheFactory() throws Exception {
        MillraceModelProviderFactory factory = new MillraceModelProviderFactory();
        Set<ConfigOption<?>> listed = new HashSet<>(factory.requiredOptions());
        listed.addAll(factory.optionalOptions());
        Set<ConfigOption<?>> declared = new HashSet<>();
        StringBuilder table = new StringBuilder("| Option | Default | Meaning |\n|---|---|---|\n");
        for (Field field : MillraceModelOptions.class.getFields()) {
            ConfigOption<?> option = (ConfigOption<?>) field.get(null);
            declared.add(option);
            table.append(row(option));
        }
        assertThat(listed).isEqualTo(declared);
        assertThat(Files.readString(Path.of("../docs/sql.md"))).contains(table + "\n");
    }

    private static String row(ConfigOption<?> option) {
        String description = new HtmlFormatter().format(option.description());
        return "| `" + option.key() + "` | " + defaultValue(option) + " | " + description + " |\n";
    }

    private static String defaultValue(ConfigOption<?> option) {
        if (!option.hasDefaultValue() || option.defaultValue().toString().equals("[]")) {
            return "(none)";
        }
        return "`" + option.defaultValue().toString().toLowerCase(Locale.ROOT) + "`";
    }
}
