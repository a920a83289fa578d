// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.lang.reflect.Field;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.text.similarity.LevenshteinDistance;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigurationUtils;
import org.millrace.operators.GenerationOptions;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Names that begin like an option of Millrace and must be one: Flink ignores what it does not know,
 * and with it every typing error.
 */
public final class OptionNames {
    private static final String PREFIX = "millrace.";
    private static final List<ConfigOption<?>> OPTIONS = options();

    private OptionNames() {}

    private static List<ConfigOption<?>> options() {
        return Stream.of(GenerationOptions.class, MillraceOptions.class)
                .flatMap(declaring -> Stream.of(declaring.getFields()))
                .filter(field -> field.getType() == ConfigOption.class)
                .<ConfigOption<?>>map(OptionNames::option)
                .toList();
    }

    private static ConfigOption<?> option(Field field) {
        try {
            return (ConfigOption<?>) field.get(null);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Names of other libraries may be among them.
     *
     * @throws IllegalArgumentException naming one that does not exist, and the nearest that does
     */
    static void check(Collection<String> names) {
        for (String name : names) {
            if (name.startsWith(PREFIX) && OPTIONS.stream().noneMatch(o -> isNameOf(o, name))) {
                throw new IllegalArgumentException(
                        "unknown option " + name + "; did you mean " + nearest(name) + "?");
            }
        }
    }

    /** A map's entries may be given one by one, each with its key behind the option's. */
    private static boolean isNameOf(ConfigOption<?> option, String name) {
        return name.equals(option.key())
                || ConfigurationUtils.canBePrefixMap(option)
                        && ConfigurationUtils.filterPrefixMapKey(option.key(), name);
    }

    private static String nearest(String name) {
        return OPTIONS.stream()
                .map(ConfigOption::key)
                .min(
                        Comparator.comparing(
                                key -> LevenshteinDistance.getDefaultInstance().apply(key, name)))
                .orElseThrow();
    }

    /** Checks names on the command line. */
    public static final class Converter implements ITypeConverter<String> {
        @Override
        public String convert(String name) {
            try {
                check(List.of(name));
                return name;
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
