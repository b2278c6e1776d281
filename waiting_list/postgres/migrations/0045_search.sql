-- People are found by the beginnings of the words of their names and addresses, in lower case and without accents. Most
-- names are plain ASCII, and take the quick way. The expression stands in find_people_by_words.sql, too. An array of words
-- needs no extension. Its list of pending words is short, so that no join waits long for it. Built beside the service.
-- no transaction
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction
DROP INDEX CONCURRENTLY IF EXISTS contacts_words;
-- squawk-ignore prefer-robust-stmts
CREATE INDEX CONCURRENTLY contacts_words ON contacts USING gin ((
    array_to_tsvector(array_remove(string_to_array(
        CASE WHEN octet_length(coalesce(name, '') || ' ' || coalesce(email, '')) = char_length(coalesce(name, '') || ' ' || coalesce(email, ''))
        THEN translate(lower(coalesce(name, '') || ' ' || coalesce(email, '')), '.@-_+''\/,()"', '            ')
        ELSE translate(lower(normalize(coalesce(name, '') || ' ' || coalesce(email, ''), NFD)),
            'øđł.@-_+''\/,()"’' || U&'\0300\0301\0302\0303\0304\0306\0307\0308\030a\030b\030c\031b\0323\0327\0328',
            'odl             ')
        END, ' '), ''))
)) WITH (gin_pending_list_limit = 256);
