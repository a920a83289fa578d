// SPDX-License-Identifier: Apache-2.0
package org.millrace.sql;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * SQL knows the engine, the operators and Flink's public interfaces, nothing of its planner or
 * runtime.
 */
@AnalyzeClasses(packages = "org.millrace.sql", importOptions = ImportOption.DoNotIncludeTests.class)
class DependencyTest {
    @ArchTest
    static final ArchRule PUBLIC_INTERFACES_ONLY =
            noClasses()
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "org.apache.flink.runtime..",
                            "org.apache.flink.streaming.runtime..",
                            "org.apache.flink.streaming.api.operators..",
                            "org.apache.flink.table.planner..",
                            "org.apache.flink.table.runtime..",
                            "org.apache.kafka..",
                            "org.millrace.jobs..");
}
