// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.millrace.engine.kvcache.policy.Retention;
import org.millrace.engine.kvcache.policy.RetentionOption;
import org.millrace.engine.kvcache.policy.RetentionPolicies;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * What caches keep: {@code --policy}, and an option for each {@link RetentionOption}. A mixin for
 * commands.
 */
@Command(modelTransformer = RetentionArguments.OptionsByName.class)
public final class RetentionArguments {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    private String policy;
    private final Map<RetentionOption, String> values = new EnumMap<>(RetentionOption.class);

    /** Whether anything was said. */
    public boolean isGiven() {
        return policy != null || !values.isEmpty();
    }

    /**
     * The retention that is asked for.
     *
     * @param defaultPolicy if none is named
     * @throws ParameterException naming option, value and limit, or that the policy does not take
     *     it
     */
    public Retention retention(String defaultPolicy) {
        try {
            Retention retention = Retention.parse(policy == null ? defaultPolicy : policy);
            for (Map.Entry<RetentionOption, String> value : values.entrySet()) {
                retention = retention.with(value.getKey(), value.getValue());
            }
            return retention;
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage());
        }
    }

    /** Adds the options to the command that the mixin belongs to. */
    static final class OptionsByName implements IModelTransformer {
        @Override
        public CommandSpec transform(CommandSpec command) {
            for (CommandSpec mixin : command.mixins().values()) {
                if (mixin.userObject() instanceof RetentionArguments arguments) {
                    arguments.addTo(command);
                }
            }
            return command;
        }
    }

    private void addTo(CommandSpec command) {
        String[] description = {
            "What the cache keeps: " + String.join(", ", RetentionPolicies.names()) + "."
        };
        command.addOption(
                option("--policy", "NAME", value -> policy = value)
                        .description(description)
                        .build());
        for (RetentionOption option : RetentionOption.values()) {
            command.addOption(
                    option(name(option), "VALUE", value -> set(option, value))
                            .description("Of policies: " + option.description() + ".")
                            .build());
        }
        List<String> defaults =
                RetentionPolicies.names().stream().map(name -> "  " + Retention.of(name)).toList();
        command.usageMessage()
                .footer(
                        Stream.concat(
                                        Stream.of("%nPolicies and their defaults:"),
                                        defaults.stream())
                                .toArray(String[]::new));
    }

    /** Sampling has a seed of its own. */
    private static String name(RetentionOption option) {
        return option == RetentionOption.SEED ? "--policy-seed" : "--" + option.key();
    }

    private static OptionSpec.Builder option(String name, String label, Consumer<String> setter) {
        ISetter typed =
                new ISetter() {
                    @Override
                    public <T> T set(T value) {
                        setter.accept((String) value);
                        return null;
                    }
                };
        return OptionSpec.builder(name).type(String.class).paramLabel(label).setter(typed);
    }

    private void set(RetentionOption option, String value) {
        if (value == null) {
            values.remove(option);
        } else {
            values.put(option, value);
        }
    }
}
