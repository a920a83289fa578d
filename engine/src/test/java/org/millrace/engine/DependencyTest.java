// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleName;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.Test;

/**
 * batch knows the model, the model knows caches and kernels, and all know tensors; never the other
 * way round.
 */
@AnalyzeClasses(
        packages = "org.millrace.engine",
        importOptions = ImportOption.DoNotIncludeTests.class)
class DependencyTest {
    private static final DescribedPredicate<JavaClass> KERNEL_PROVIDERS =
            resideInAPackage("..kernels.reference..")
                    .or(resideInAPackage("..kernels.cpu.."))
                    .or(resideInAPackage("..kernels.cuda.."))
                    .as("kernel providers");

    @ArchTest
    static final ArchRule NOTHING_BELOW_KNOWS_BATCHES =
            noClasses()
                    .that()
                    .resideInAnyPackage(
                            "..engine.model..", "..kvcache..", "..kernels..", "..tensor..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("..batch..")
                    .orShould()
                    .dependOnClassesThat()
                    .haveFullyQualifiedName(Model.class.getName());

    @ArchTest
    static final ArchRule CACHES_KNOW_NO_MODEL_AND_NO_PROVIDER =
            noClasses()
                    .that()
                    .resideInAPackage("..kvcache..")
                    .should()
                    .dependOnClassesThat(resideInAPackage("..engine.model..").or(KERNEL_PROVIDERS));

    @ArchTest
    static final ArchRule KERNELS_KNOW_NO_MODEL =
            noClasses()
                    .that()
                    .resideInAPackage("..kernels..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("..engine.model..");

    @ArchTest
    static final ArchRule TENSORS_KNOW_NOTHING_ELSE =
            noClasses()
                    .that()
                    .resideInAPackage("..tensor..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage(
                            "..engine.model..", "..batch..", "..kvcache..", "..kernels..");

    @ArchTest
    static final ArchRule PROVIDERS_ARE_FOUND_BY_LOOKUP =
            classes()
                    .that(KERNEL_PROVIDERS)
                    .should()
                    .onlyBeAccessed()
                    .byClassesThat(KERNEL_PROVIDERS.or(simpleName("KernelProviders")));

    @ArchTest
    static final ArchRule PROVIDERS_DO_NOT_KNOW_EACH_OTHER =
            noClasses()
                    .that()
                    .resideInAPackage("..kernels.reference..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAnyPackage("..kernels.cpu..", "..kernels.cuda..");

    @ArchTest
    static final ArchRule ONLY_THE_CUDA_PROVIDER_KNOWS_JCUDA =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("..kernels.cuda..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("jcuda..");

    @Test
    void neitherFlinkNorKafkaNorAvroIsOnTheClassPath() {
        ClassLoader loader = getClass().getClassLoader();
        assertThat(loader.getResource("org/apache/flink")).isNull();
        assertThat(loader.getResource("org/apache/kafka")).isNull();
        assertThat(loader.getResource("org/apache/avro")).isNull();
    }
}
