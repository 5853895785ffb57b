/** Requests to other programs' HTTP services. */
package org.metaapo.http;
