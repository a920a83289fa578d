// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.loader.ResourceNotFoundException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A Jinja template of a model file, rendered as transformers renders it, without access to files,
 * classes or the clock. Thread safe.
 */
final class JinjaTemplate {
    private static final long MAX_OUTPUT_BYTES = 64L << 20;

    private static final Set<String> NO_TAGS = Set.of("include", "import", "from", "extends");
    private static final Set<String> NO_FILTERS =
            Set.of("render", "log", "fromyaml", "random", "shuffle");

    private static final Jinjava JINJAVA = jinjava();

    private final String source;
    private final String template;

    private JinjaTemplate(String source, String template) {
        this.source = source;
        this.template = template;
    }

    /**
     * Parses a template.
     *
     * @param source named in errors
     * @throws ModelFormatException if it is no valid template
     */
    static JinjaTemplate parse(String source, String text) {
        // Jinja drops one newline at the end of a template.
        String template = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
        JinjaTemplate parsed = new JinjaTemplate(source, template);
        JinjavaInterpreter interpreter = JINJAVA.newInterpreter();
        interpreter.parse(template);
        parsed.throwFirst(interpreter.getErrorsCopy());
        return parsed;
    }

    String text() {
        return template;
    }

    /**
     * Renders the template.
     *
     * @throws IllegalArgumentException with the template's own message if it refuses these values
     * @throws ModelFormatException if the template is broken
     */
    String render(Map<String, Object> values) {
        RenderResult result = JINJAVA.renderForResult(template, values);
        throwFirst(result.getErrors());
        return result.getOutput();
    }

    private void throwFirst(List<TemplateError> errors) {
        for (TemplateError error : errors) {
            for (Throwable t = error.getException(); t != null; t = t.getCause()) {
                if (t instanceof RefusedException) {
                    throw new IllegalArgumentException(
                            "the chat template refuses these messages: " + t.getMessage());
                }
            }
        }
        for (TemplateError error : errors) {
            if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
                throw new ModelFormatException(
                        source
                                + ": chat template, line "
                                + error.getLineno()
                                + ": "
                                + error.getMessage());
            }
        }
    }

    private static Jinjava jinjava() {
        JinjavaConfig config =
                JinjavaConfig.newBuilder()
                        .withTrimBlocks(true)
                        .withLstripBlocks(true)
                        .withNestedInterpretationEnabled(false)
                        .withLegacyOverrides(jinja())
                        .withElResolver(new TemplateResolver())
                        .withMaxOutputSize(MAX_OUTPUT_BYTES)
                        .withDisabled(Map.of(Library.TAG, NO_TAGS, Library.FILTER, NO_FILTERS))
                        .build();
        Jinjava jinjava = new Jinjava(config);
        jinjava.setResourceLocator(
                (name, encoding, interpreter) -> {
                    throw new ResourceNotFoundException("templates cannot read " + name);
                });
        jinjava.registerFunction(
                new ELFunctionDefinition(
                        "", "raise_exception", JinjaTemplate.class, "raise", String.class));
        return jinjava;
    }

    /** Jinja's own behaviour wherever Jinjava's differs by default. */
    private static LegacyOverrides jinja() {
        return LegacyOverrides.Builder.from(LegacyOverrides.ALL)
                .withWhitespaceRequiredWithinTokens(false)
                .build();
    }

    /** Called by templates as {@code raise_exception}. */
    static String raise(String message) {
        throw new RefusedException(message);
    }

    private static final class RefusedException extends RuntimeException {
        RefusedException(String message) {
            super(message);
        }
    }
}
