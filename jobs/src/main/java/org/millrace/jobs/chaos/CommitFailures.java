package org.millrace.jobs.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TransactionState;

/**
 * Transactions that could not be committed, by the logs of the TaskManagers: the sink only logs
 * them and goes on. After a failure it commits again what may have been committed before, and the
 * broker refuses that as fenced; so the broker is asked how the transaction ended.
 */
final class CommitFailures {
    private static final Pattern FAILURE =
            Pattern.compile("Unable to commit transaction|data has been potentially lost");
    private static final Pattern TRANSACTION = Pattern.compile("transactionalId='([^']*)'");

    private CommitFailures() {}

    /** The log lines about transactions that did not end with a commit. */
    static List<String> in(List<JavaProcess> taskManagers, Properties kafka)
            throws IOException, InterruptedException {
        List<String> failures = new ArrayList<>();
        try (Admin admin = Admin.create(kafka)) {
            for (String line : logged(taskManagers)) {
                Matcher transaction = TRANSACTION.matcher(line);
                if (!transaction.find() || !isCommitted(admin, transaction.group(1))) {
                    failures.add(line);
                }
            }
        }
        return failures;
    }

    private static List<String> logged(List<JavaProcess> taskManagers) throws IOException {
        List<String> lines = new ArrayList<>();
        for (JavaProcess process : taskManagers) {
            try (Stream<String> log = Files.lines(process.log())) {
                log.filter(line -> FAILURE.matcher(line).find())
                        .map(line -> process.name() + ": " + line)
                        .forEach(lines::add);
            }
        }
        return lines;
    }

    private static boolean isCommitted(Admin admin, String transactionalId)
            throws InterruptedException {
        try {
            return admin.describeTransactions(List.of(transactionalId))
                            .description(transactionalId)
                            .get()
                            .state()
                    == TransactionState.COMPLETE_COMMIT;
        } catch (ExecutionException e) {
            // The broker does not know it.
            return false;
        }
    }
}
