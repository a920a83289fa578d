// SPDX-License-Identifier: Apache-2.0
package org.millrace.engine.model;

import com.hubspot.jinjava.el.TypeConvertingMapELResolver;
import com.hubspot.jinjava.el.ext.JinjavaBeanELResolver;
import com.hubspot.jinjava.el.ext.JinjavaListELResolver;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.beans.FeatureDescriptor;
import java.util.Collections;
import java.util.Iterator;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/**
 * What a chat template may reach: items of lists and maps, the loop variable, filters and tests,
 * and Python's methods of strings, lists and dictionaries. A template comes out of a model file, so
 * Java methods and properties stay out of reach.
 */
final class TemplateResolver extends CompositeELResolver {
    TemplateResolver() {
        add(new PythonMethods());
        add(new JinjavaListELResolver(true));
        add(new TypeConvertingMapELResolver(true));
        add(new TemplateObjects());
    }

    /** Jinjava's own objects, which it reaches as beans. */
    private static final class TemplateObjects extends JinjavaBeanELResolver {
        TemplateObjects() {
            super(true);
        }

        @Override
        public Object getValue(ELContext context, Object base, Object property) {
            return base instanceof ForLoop ? super.getValue(context, base, property) : null;
        }

        @Override
        public Object invoke(
                ELContext context,
                Object base,
                Object method,
                Class<?>[] paramTypes,
                Object[] params) {
            boolean ours = base instanceof Filter || base instanceof ExpTest;
            return ours ? super.invoke(context, base, method, paramTypes, params) : null;
        }
    }

    /** Methods only; everything else is left to the next resolver. */
    private static final class PythonMethods extends ELResolver {
        @Override
        public Object invoke(
                ELContext context,
                Object base,
                Object method,
                Class<?>[] paramTypes,
                Object[] params) {
            Object result = PythonMethod.call(base, String.valueOf(method), params);
            if (result == PythonMethod.UNKNOWN) {
                return null;
            }
            context.setPropertyResolved(true);
            return result;
        }

        @Override
        public Object getValue(ELContext context, Object base, Object property) {
            return null;
        }

        @Override
        public Class<?> getType(ELContext context, Object base, Object property) {
            return null;
        }

        @Override
        public void setValue(ELContext context, Object base, Object property, Object value) {}

        @Override
        public boolean isReadOnly(ELContext context, Object base, Object property) {
            return true;
        }

        @Override
        public Class<?> getCommonPropertyType(ELContext context, Object base) {
            return null;
        }

        @Override
        public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
            return Collections.emptyIterator();
        }
    }
}
