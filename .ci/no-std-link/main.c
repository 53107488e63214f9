/* Starts the library; all that it may take from C is named in `check`. */
int no_std_link(void);

int main(void) { return no_std_link(); }
