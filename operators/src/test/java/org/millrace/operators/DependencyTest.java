// SPDX-License-Identifier: Apache-2.0
package org.millrace.operators;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.apache.flink.api.common.state.State;

/**
 * jobs depend on operators, operators on the engine and the schemas, the engine on none of these.
 */
@AnalyzeClasses(packages = "org.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
class DependencyTest {
    @ArchTest
    static final ArchRule OPERATORS_KNOW_NO_JOBS =
            noClasses()
                    .that()
                    .resideInAPackage("org.millrace.operators..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("org.millrace.jobs..", "org.apache.kafka..");

    @ArchTest
    static final ArchRule ENGINE_KNOWS_NO_FLINK =
            noClasses()
                    .that()
                    .resideInAPackage("org.millrace.engine..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "org.apache.flink..",
                            "org.apache.kafka..",
                            "org.apache.avro..",
                            "org.millrace.schemas..",
                            "org.millrace.operators..");

    /** Of the generation operator; the budgets of tenants are an operator of their own. */
    @ArchTest
    static final ArchRule STATE_HAS_ONE_OWNER =
            noClasses()
                    .that()
                    .resideInAPackage("org.millrace.operators..")
                    .and()
                    .resideOutsideOfPackage("org.millrace.operators.state..")
                    .and()
                    .doNotHaveSimpleName("GenerationOperator")
                    .and()
                    .doNotHaveSimpleName("TenantBudgets")
                    .should()
                    .dependOnClassesThat()
                    .areAssignableTo(State.class);
}
