// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.millrace.engine.kernels.ActivationType;
import org.millrace.engine.kvcache.KvType;

/**
 * The random-weight models of the test resources and their reference outputs, made with other
 * implementations.
 */
public final class TinyModels {
    public static final List<String> NAMES = List.of("gqa3", "mha32", "mqa80", "rope3", "k256");

    private TinyModels() {}

    /**
     * A file below {@code golden/tiny}, or below {@code golden} where it is of no model in {@link
     * #NAMES}.
     */
    public static Path path(String name) {
        boolean isTiny = NAMES.contains(name.substring(0, name.indexOf('/')));
        String folder = isTiny ? "/golden/tiny/" : "/golden/";
        try {
            return Path.of(TinyModels.class.getResource(folder + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    public static Model open(String file, KvType kvType, ActivationType activations) {
        return open(file, kvType, activations, "auto");
    }

    public static Model open(
            String file, KvType kvType, ActivationType activations, String provider) {
        return Model.open(path(file), new ModelOptions(kvType, activations, provider, 0));
    }

    public static JsonNode json(String file) {
        try {
            return new ObjectMapper().readTree(path(file).toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }

    /** The values of a float32 .npy file in C order, shape dropped. */
    public static float[] npy(String file) {
        try {
            ByteBuffer bytes =
                    ByteBuffer.wrap(Files.readAllBytes(path(file))).order(ByteOrder.LITTLE_ENDIAN);
            int headerLength = bytes.getShort(8);
            bytes.position(10 + headerLength);
            float[] values = new float[bytes.remaining() / Float.BYTES];
            bytes.asFloatBuffer().get(values);
            return values;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
