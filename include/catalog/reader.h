/*
 * reader.h - the thread that keeps the catalogs fresh.
 *
 * It reads every database that pgweir.yaml names, and of the others those that have
 * clients, as `catalog.user`: every `catalog.refresh`, and soon after something was
 * changed through this process. What cannot be read stays as it was, and is tried again
 * after a pause that grows.
 */
#ifndef CATALOG_READER_H
#define CATALOG_READER_H

#include "config/config.h"
#include "policy/catalogs.h"

struct catalog_reader;

/* Start the thread. The catalogs are borrowed and outlive it. */
struct catalog_reader *catalog_reader_start(
    struct catalogs *catalogs, struct config *config);
/* From now on as this configuration says. */
void catalog_reader_configure(struct catalog_reader *reader, struct config *config);
/* Stop the thread; what it is waiting for is given up. NULL is fine. */
void catalog_reader_stop(struct catalog_reader *reader);

#endif
