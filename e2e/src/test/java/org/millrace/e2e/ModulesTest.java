// SPDX-License-Identifier: Apache-2.0
package org.millrace.e2e;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which module may use which: docs/decisions/modules.md. */
@AnalyzeClasses(packages = "org.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
class ModulesTest {
    @ArchTest
    static final ArchRule MODULES_HAVE_AN_ORDER =
            layeredArchitecture()
                    .consideringOnlyDependenciesInLayers()
                    .layer("schemas")
                    .definedBy("org.millrace.schemas..")
                    .layer("engine")
                    .definedBy("org.millrace.engine..")
                    .layer("operators")
                    .definedBy("org.millrace.operators..")
                    .layer("jobs")
                    .definedBy("org.millrace.jobs..")
                    .layer("client")
                    .definedBy("org.millrace.client..")
                    .layer("eval")
                    .definedBy("org.millrace.eval..")
                    .layer("chaos")
                    .definedBy("org.millrace.chaos..")
                    .layer("cli")
                    .definedBy("org.millrace.cli..")
                    .whereLayer("schemas")
                    .mayOnlyBeAccessedByLayers("operators", "jobs", "client", "chaos", "cli")
                    .whereLayer("engine")
                    .mayOnlyBeAccessedByLayers("operators", "jobs", "eval", "chaos", "cli")
                    .whereLayer("operators")
                    .mayOnlyBeAccessedByLayers("jobs", "client", "chaos", "cli")
                    .whereLayer("jobs")
                    .mayOnlyBeAccessedByLayers("client", "chaos", "cli")
                    .whereLayer("client")
                    .mayOnlyBeAccessedByLayers("chaos", "cli")
                    .whereLayer("eval")
                    .mayOnlyBeAccessedByLayers("cli")
                    .whereLayer("chaos")
                    .mayOnlyBeAccessedByLayers("cli")
                    .whereLayer("cli")
                    .mayNotBeAccessedByAnyLayer();

    @ArchTest
    static final ArchRule PACKAGES_HAVE_AN_ORDER =
            slices().matching("org.millrace.(jobs|client|cli|chaos|eval).(*)..")
                    .should()
                    .beFreeOfCycles();

    @ArchTest
    static final ArchRule ONLY_THE_ENGINE_KNOWS_KERNEL_PROVIDERS =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("org.millrace.engine..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("..kernels.reference..", "..kernels.cpu..");

    /** The job runs on clusters that have no broker inside and no terminal in front. */
    @ArchTest
    static final ArchRule ONLY_THE_CLIENT_KNOWS_A_BROKER =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("org.millrace.client.broker..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "kafka..", "org.apache.kafka.server..", "org.apache.kafka.metadata..");
}
