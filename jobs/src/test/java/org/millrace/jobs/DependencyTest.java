// SPDX-License-Identifier: Apache-2.0
package org.millrace.jobs;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Packages of the jobs have an order, and only the engine chooses kernels. */
@AnalyzeClasses(packages = "org.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
class DependencyTest {
    @ArchTest
    static final ArchRule PACKAGES_HAVE_AN_ORDER =
            slices().matching("org.millrace.jobs.(*)..").should().beFreeOfCycles();

    /** The job runs on clusters that have no broker inside and no terminal in front. */
    @ArchTest
    static final ArchRule THE_JOB_KNOWS_NO_COMMAND_LINE =
            noClasses()
                    .that()
                    .resideInAnyPackage("org.millrace.jobs", "org.millrace.jobs.client..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("..jobs.cli..", "..jobs.run..", "..jobs.model..");

    @ArchTest
    static final ArchRule ONLY_THE_ENGINE_KNOWS_KERNEL_PROVIDERS =
            noClasses()
                    .that()
                    .resideInAnyPackage("org.millrace.jobs..", "org.millrace.operators..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("..kernels.reference..", "..kernels.cpu..");

    @ArchTest
    static final ArchRule SCHEMAS_KNOW_NOTHING_ELSE =
            noClasses()
                    .that()
                    .resideInAPackage("org.millrace.schemas..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "org.millrace.engine..",
                            "org.millrace.operators..",
                            "org.millrace.jobs..");
}
