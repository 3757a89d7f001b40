/*
 * Linked into the coverage build: a child that ends with _exit(2) writes its
 * counts, too.
 */
void __gcov_dump(void);
void __real__exit(int status);
void __wrap__exit(int status);

void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}
