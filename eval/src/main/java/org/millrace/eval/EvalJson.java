// SPDX-License-Identifier: Apache-2.0
package org.millrace.eval;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Results for programs. */
public final class EvalJson {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private EvalJson() {}

    /** One document. */
    public static ObjectNode of(Evaluation evaluation) {
        Evaluation.Setting setting = evaluation.setting();
        ObjectNode document = MAPPER.createObjectNode();
        document.put("command", setting.command());
        document.put("version", setting.version());
        document.put("machine", setting.machine());
        document.put("model_file", setting.model());
        document.put("model", setting.fingerprint());
        document.put("kv_type", setting.kvType());
        document.put("reference_kv_type", setting.referenceKvType());
        document.put("activations", setting.activations());
        document.set("texts", MAPPER.valueToTree(setting.texts()));
        document.put("continuation", setting.continuation());
        document.put("seconds", setting.seconds());
        predictions(document.putArray("results"), evaluation.predictions());
        predictions(document.putArray("ablation"), evaluation.ablation());
        recall(document.putArray("recall"), "depth", evaluation.recall());
        recall(document.putArray("turns"), "distance", evaluation.turns());
        divergence(document.putArray("divergence"), evaluation.divergence());
        return document;
    }

    private static void predictions(ArrayNode list, List<QualityResult> results) {
        for (QualityResult result : results) {
            list.addObject()
                    .put("policy", result.retention().toString())
                    .put("context", result.context())
                    .put("windows", result.windows())
                    .put("pruned", result.pruned())
                    .put("bytes", result.bytes())
                    .put("bytes_share", result.bytesShare())
                    .put("bytes_share_at_end", result.bytesShareAtEnd())
                    .put("nll", result.loss())
                    .put("nll_gap", result.gap())
                    .put("nll_gap_low", result.gapInterval().low())
                    .put("nll_gap_high", result.gapInterval().high())
                    .put("nll_gap_worst_window", result.worstGap())
                    .put("kl", result.divergence())
                    .put("kl_p99", result.divergence99())
                    .put("kl_worst_window", result.worstDivergence())
                    .put("top1", result.agreement());
        }
    }

    private static void recall(ArrayNode list, String place, List<RecallResult> results) {
        for (RecallResult result : results) {
            ObjectNode node =
                    list.addObject()
                            .put("policy", result.retention().toString())
                            .put("context", result.context());
            put(node, result.total());
            ArrayNode places = node.putArray("by_" + place);
            result.byPlace().forEach((at, score) -> put(places.addObject().put(place, at), score));
        }
    }

    private static void put(ObjectNode node, RecallResult.Score score) {
        node.put("asked", score.asked()).put("items", score.items()).put("right", score.right());
    }

    private static void divergence(ArrayNode list, List<DivergenceResult> results) {
        for (DivergenceResult result : results) {
            ObjectNode node =
                    list.addObject()
                            .put("policy", result.retention().toString())
                            .put("context", result.context())
                            .put("first_difference_median", result.median());
            for (int mark : DivergenceResult.MARKS) {
                node.put("identical_" + mark, result.share(mark));
            }
            node.set("identical_tokens", MAPPER.valueToTree(result.identical()));
        }
    }
}
