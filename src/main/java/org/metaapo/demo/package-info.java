/** The demo: a small world with a gold reward that training never sees, and MetaAPO in it. */
package org.metaapo.demo;
