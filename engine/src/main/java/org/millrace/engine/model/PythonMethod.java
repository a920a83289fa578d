// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The methods of Python's str, list and dict that chat templates call. */
final class PythonMethod {
    /** Result where there is no such method. */
    static final Object UNKNOWN = new Object();

    private static final String WHITESPACE = null;

    private PythonMethod() {}

    static Object call(Object base, String method, Object... arguments) {
        Object[] args = arguments == null ? new Object[0] : arguments;
        if (base instanceof String text) {
            return ofString(text, method, args);
        }
        if (base instanceof Map<?, ?> map) {
            return ofMap(map, method, args);
        }
        if (base instanceof List<?> list && method.equals("append") && args.length == 1) {
            @SuppressWarnings("unchecked")
            List<Object> appendable = (List<Object>) list;
            appendable.add(args[0]);
            return "";
        }
        return UNKNOWN;
    }

    private static Object ofString(String text, String method, Object... args) {
        String first = args.length > 0 && args[0] != null ? args[0].toString() : WHITESPACE;
        return switch (method) {
            case "strip" -> stripEnd(stripStart(text, first), first);
            case "lstrip" -> stripStart(text, first);
            case "rstrip" -> stripEnd(text, first);
            case "startswith" -> first != null && text.startsWith(first);
            case "endswith" -> first != null && text.endsWith(first);
            case "split" -> split(text, first, args.length > 1 ? number(args[1]) : -1);
            case "replace" ->
                    first == null || args.length < 2
                            ? UNKNOWN
                            : text.replace(first, String.valueOf(args[1]));
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "capitalize" ->
                    text.isEmpty()
                            ? text
                            : text.substring(0, 1).toUpperCase(Locale.ROOT)
                                    + text.substring(1).toLowerCase(Locale.ROOT);
            case "find" -> first == null ? UNKNOWN : (Object) (long) text.indexOf(first);
            default -> UNKNOWN;
        };
    }

    private static Object ofMap(Map<?, ?> map, String method, Object... args) {
        return switch (method) {
            case "get" -> {
                Object value = args.length == 0 ? null : map.get(args[0]);
                yield value == null && args.length > 1 ? args[1] : value;
            }
            case "keys" -> new ArrayList<>(map.keySet());
            case "values" -> new ArrayList<>(map.values());
            case "items" -> {
                List<Object> items = new ArrayList<>();
                map.forEach((key, value) -> items.add(Arrays.asList(key, value)));
                yield items;
            }
            default -> UNKNOWN;
        };
    }

    private static String stripStart(String text, String characters) {
        int start = 0;
        while (start < text.length() && isStripped(text.charAt(start), characters)) {
            start++;
        }
        return text.substring(start);
    }

    private static String stripEnd(String text, String characters) {
        int end = text.length();
        while (end > 0 && isStripped(text.charAt(end - 1), characters)) {
            end--;
        }
        return text.substring(0, end);
    }

    private static boolean isStripped(char c, String characters) {
        return characters == WHITESPACE
                ? Character.isWhitespace(c) || Character.isSpaceChar(c)
                : characters.indexOf(c) >= 0;
    }

    private static List<Object> split(String text, String separator, int limit) {
        List<Object> parts = new ArrayList<>();
        if (separator == WHITESPACE) {
            for (String part : text.strip().split("\\s+")) {
                if (!part.isEmpty()) {
                    parts.add(part);
                }
            }
            return parts;
        }
        int from = 0;
        while (!separator.isEmpty() && (limit < 0 || parts.size() < limit)) {
            int at = text.indexOf(separator, from);
            if (at < 0) {
                break;
            }
            parts.add(text.substring(from, at));
            from = at + separator.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static int number(Object argument) {
        return argument instanceof Number number ? number.intValue() : -1;
    }
}
