/*
 * idn_map: single characters of international host names; see idn_map.h.
 *
 * The tables are those of Unicode 15, for the scripts that they list.
 */
#include <stddef.h>
#include <string.h>

#include "system/idn_map.h"

/* ---- UTF-8 ---- */

/* The least character of so many bytes. */
static const uint32_t least_of[] = {0, 0, 0x80, 0x800, 0x10000};

/* Return how many bytes a character has that begins with this one; 0: none
 * begins with it. */
static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0 || first > 0xf7)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

bool idn_decode(const char **text, const char *end, uint32_t *character)
{
    const unsigned char *bytes = (const unsigned char *)*text;
    size_t length = *text < end ? length_of(*bytes) : 0;
    uint32_t c;

    if (length == 0 || length > (size_t)(end - *text))
        return false;
    c = length == 1 ? *bytes : *bytes & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (bytes[i] & 0x3f);
    }
    if (c < least_of[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false;
    *text += length;
    *character = c;
    return true;
}

/* ---- one form of several ---- */

/* Each `step`th character from `first` to `last` becomes the one `distance`
 * further. */
struct fold {
    uint32_t first;
    uint32_t last;
    uint32_t step;
    int32_t distance;
};

/* clang-format off */
static const struct fold folds[] = {
    {0x41, 0x5a, 1, 32}, {0xc0, 0xd6, 1, 32}, {0xd8, 0xde, 1, 32},
    {0x100, 0x12e, 2, 1}, {0x134, 0x136, 2, 1}, {0x139, 0x13d, 2, 1},
    {0x141, 0x147, 2, 1}, {0x14a, 0x176, 2, 1}, {0x178, 0x178, 1, -121},
    {0x179, 0x17d, 2, 1}, {0x182, 0x184, 2, 1}, {0x187, 0x187, 1, 1},
    {0x18b, 0x18b, 1, 1}, {0x191, 0x191, 1, 1}, {0x198, 0x198, 1, 1},
    {0x1a0, 0x1a4, 2, 1}, {0x1a7, 0x1a7, 1, 1}, {0x1ac, 0x1ac, 1, 1},
    {0x1af, 0x1af, 1, 1}, {0x1b3, 0x1b5, 2, 1}, {0x1b8, 0x1b8, 1, 1},
    {0x1bc, 0x1bc, 1, 1}, {0x1cd, 0x1db, 2, 1}, {0x1de, 0x1ee, 2, 1},
    {0x1f4, 0x1f4, 1, 1}, {0x1f8, 0x21e, 2, 1}, {0x222, 0x232, 2, 1},
    {0x386, 0x386, 1, 38}, {0x388, 0x38a, 1, 37}, {0x38c, 0x38c, 1, 64},
    {0x38e, 0x38f, 1, 63}, {0x391, 0x3a1, 1, 32}, {0x3a3, 0x3ab, 1, 32},
    {0x400, 0x40f, 1, 80}, {0x410, 0x42f, 1, 32}, {0x460, 0x480, 2, 1},
    {0x48a, 0x4be, 2, 1}, {0x4c0, 0x4c0, 1, 15}, {0x4c1, 0x4cd, 2, 1},
    {0x4d0, 0x52e, 2, 1}, {0x531, 0x556, 1, 48}, {0x1e00, 0x1e94, 2, 1},
    {0x1e9e, 0x1e9e, 1, -7615}, {0x1ea0, 0x1efe, 2, 1},
    {0x3002, 0x3002, 1, '.' - 0x3002}, {0xff01, 0xff20, 1, -0xfee0},
    {0xff21, 0xff3a, 1, 32 - 0xfee0}, {0xff3b, 0xff5e, 1, -0xfee0},
    {0xff61, 0xff61, 1, '.' - 0xff61},
};

/* An accent, and letters, each followed by the letter with the accent. */
struct accent {
    uint32_t mark;
    const char *letters;
};

static const struct accent accents[] = {
    {0x0300, "aàeèiìoòuùüǜnǹеѐиѝēḕōṑwẁâầăằêềôồơờưừyỳ"},
    {0x0301, "aáeéiíoóuúyýcćlĺnńrŕsśzźüǘgǵåǻæǽøǿϊΐαάεέηήιίϋΰοό"
             "υύωώгѓкќçḉēḗïḯkḱmḿõṍōṓpṕũṹwẃâấăắêếôốơớưứ"},
    {0x0302, "aâeêiîoôuûcĉgĝhĥjĵsŝwŵyŷzẑạậẹệọộ"},
    {0x0303, "aãnñoõiĩuũvṽâẫăẵeẽêễôỗơỡưữyỹ"},
    {0x0304, "aāeēiīoōuūüǖäǟȧǡæǣǫǭöȫõȭȯȱyȳиӣуӯgḡḷḹṛṝ"},
    {0x0306, "aăeĕgğiĭoŏuŭийуўжӂаӑеӗȩḝạặ"},
    {0x0307, "cċeėgġzżaȧoȯbḃdḋfḟhḣmṁnṅpṗrṙsṡśṥšṧṣṩtṫwẇxẋyẏ"},
    {0x0308, "aäeëiïoöuüyÿιϊυϋеёіїаӓәӛжӝзӟиӥоӧөӫэӭуӱчӵыӹhḧõṏūṻ"
             "wẅxẍtẗ"},
    {0x0309, "aảâẩăẳeẻêểiỉoỏôổơởuủưửyỷ"},
    {0x030a, "aåuůwẘyẙ"},
    {0x030b, "oőuűуӳ"},
    {0x030c, "cčdďeělľnňrřsštťzžaǎiǐoǒuǔüǚgǧkǩʒǯjǰhȟ"},
    {0x030f, "aȁeȅiȉoȍrȑuȕѵѷ"},
    {0x0311, "aȃeȇiȋoȏrȓuȗ"},
    {0x031b, "oơuư"},
    {0x0323, "bḅdḍhḥkḳlḷmṃnṇrṛsṣtṭvṿwẉzẓaạeẹiịoọơợuụưựyỵ"},
    {0x0324, "uṳ"},
    {0x0325, "aḁ"},
    {0x0326, "sștț"},
    {0x0327, "cçgģkķlļnņrŗsştţeȩdḑhḩ"},
    {0x0328, "aąeęiįuųoǫ"},
    {0x032d, "dḓeḙlḽnṋtṱuṷ"},
    {0x032e, "hḫ"},
    {0x0330, "eḛiḭuṵ"},
    {0x0331, "bḇdḏkḵlḻnṉrṟtṯzẕhẖ"},
    {0x0653, "\u0627\u0622"},
    {0x0654, "\u0627\u0623\u0648\u0624\u064a\u0626\u06d5\u06c0"
             "\u06c1\u06c2\u06d2\u06d3"},
    {0x0655, "\u0627\u0625"},
    {0x093c, "\u0928\u0929\u0930\u0931\u0933\u0934"},
    {0x09be, "\u09c7\u09cb"},
    {0x09d7, "\u09c7\u09cc"},
    {0x0b3e, "\u0b47\u0b4b"},
    {0x0b56, "\u0b47\u0b48"},
    {0x0b57, "\u0b47\u0b4c"},
    {0x0bbe, "\u0bc6\u0bca\u0bc7\u0bcb"},
    {0x0bd7, "\u0b92\u0b94\u0bc6\u0bcc"},
    {0x0c56, "\u0c46\u0c48"},
    {0x0cc2, "\u0cc6\u0cca"},
    {0x0cd5, "\u0cbf\u0cc0\u0cc6\u0cc7\u0cca\u0ccb"},
    {0x0cd6, "\u0cc6\u0cc8"},
    {0x0d3e, "\u0d46\u0d4a\u0d47\u0d4b"},
    {0x0d57, "\u0d46\u0d4c"},
    {0x0dca, "\u0dd9\u0dda\u0ddc\u0ddd"},
    {0x0dcf, "\u0dd9\u0ddc"},
    {0x0ddf, "\u0dd9\u0dde"},
    {0x102e, "\u1025\u1026"},
    {0x1b35, "\u1b05\u1b06\u1b07\u1b08\u1b09\u1b0a\u1b0b\u1b0c"
             "\u1b0d\u1b0e\u1b11\u1b12\u1b3a\u1b3b\u1b3c\u1b3d"
             "\u1b3e\u1b40\u1b3f\u1b41\u1b42\u1b43"},
    {0x3099, "かがきぎくぐけげこごさざしじすずせぜそぞただちぢ"
             "つづてでとどはばひびふぶへべほぼうゔゝゞカガキギ"
             "クグケゲコゴサザシジスズセゼソゾタダチヂツヅテデ"
             "トドハバヒビフブヘベホボウヴワヷヰヸヱヹヲヺヽヾ"},
    {0x309a, "はぱひぴふぷへぺほぽハパヒピフプヘペホポ"},
};

/* Ranges of characters that are refused: capitals and compatible forms of other
 * scripts, accents that have not become part of a letter, white space, what is
 * not seen, private characters. */
static const uint32_t refused[][2] = {
    {0x80, 0xa0}, {0xa8, 0xa8}, {0xaa, 0xaa}, {0xad, 0xad}, {0xaf, 0xaf},
    {0xb2, 0xb5}, {0xb8, 0xba}, {0xbc, 0xbe}, {0x130, 0x130},
    {0x132, 0x133}, {0x13f, 0x140},
    {0x149, 0x149}, {0x17f, 0x17f}, {0x181, 0x181}, {0x186, 0x186},
    {0x189, 0x18a}, {0x18e, 0x190}, {0x193, 0x194}, {0x196, 0x197},
    {0x19c, 0x19d}, {0x19f, 0x19f}, {0x1a6, 0x1a6}, {0x1a9, 0x1a9},
    {0x1ae, 0x1ae}, {0x1b1, 0x1b2}, {0x1b7, 0x1b7}, {0x1c4, 0x1cc},
    {0x1f1, 0x1f3}, {0x1f6, 0x1f7}, {0x220, 0x220}, {0x23a, 0x24f},
    {0x2b0, 0x2b8}, {0x2d8, 0x2dd}, {0x2e0, 0x2e4}, {0x300, 0x376},
    {0x37a, 0x37a}, {0x37e, 0x387}, {0x3cf, 0x3ff}, {0x587, 0x587},
    {0x61c, 0x61c}, {0x653, 0x655}, {0x675, 0x678}, {0x958, 0x95f},
    {0x9dc, 0x9df},
    {0xa33, 0xa33}, {0xa36, 0xa36}, {0xa59, 0xa5e}, {0xb5c, 0xb5d},
    {0xe33, 0xe33}, {0xeb3, 0xeb3}, {0xedc, 0xedd}, {0xf0c, 0xf0c},
    {0xf43, 0xf43}, {0xf4d, 0xf4d}, {0xf52, 0xf52}, {0xf57, 0xf57},
    {0xf5c, 0xf5c}, {0xf69, 0xf69}, {0xf73, 0xf79}, {0xf81, 0xf81},
    {0xf93, 0xf93}, {0xf9d, 0xf9d}, {0xfa2, 0xfa2}, {0xfa7, 0xfa7},
    {0xfac, 0xfac}, {0xfb9, 0xfb9}, {0x10a0, 0x10cf}, {0x10fc, 0x10fc},
    {0x1100, 0x11ff}, {0x13a0, 0x13fd}, {0x1680, 0x1680}, {0x17b4, 0x17b5},
    {0x180b, 0x180f}, {0x1c80, 0x1cbf}, {0x1d2c, 0x1d6a}, {0x1d78, 0x1d78},
    {0x1d9b, 0x1dff}, {0x1e9a, 0x1e9b}, {0x1f00, 0x218f}, {0x222c, 0x2230},
    {0x2329, 0x232a}, {0x2460, 0x24ff}, {0x2a0c, 0x2a0c}, {0x2a74, 0x2adc},
    {0x2c00, 0x2cff}, {0x2d6f, 0x2d6f}, {0x2de0, 0x3001}, {0x3003, 0x3004},
    {0x3008, 0x3020}, {0x302a, 0x3040}, {0x3099, 0x309c}, {0x309f, 0x30a0},
    {0x30ff, 0x30ff}, {0x3130, 0x319f}, {0x31c0, 0x31ef}, {0x3200, 0x33ff},
    {0xa640, 0xa69d}, {0xa720, 0xa7ff}, {0xab30, 0xabbf}, {0xd7b0, 0xfaff},
    {0xfb00, 0xffff}, {0x10400, 0x104ff}, {0x10570, 0x105bf}, {0x10780, 0x107bf},
    {0x10c80, 0x10cff}, {0x110bd, 0x110cd}, {0x118a0, 0x118bf},
    {0x16e40, 0x16e5f}, {0x1d000, 0x1d7ff}, {0x1e030, 0x1e06d},
    {0x1e900, 0x1e95f}, {0x1ee00, 0x1eeff}, {0x1f100, 0x1f1e5},
    {0x1f200, 0x1f2ff}, {0x1fbf0, 0x1fbf9}, {0x2f800, 0x2fa1f},
    {0xe0000, 0x10ffff},
};
/* clang-format on */

uint32_t idn_fold(uint32_t c)
{
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++) {
        const struct fold *f = &folds[i];

        if (c >= f->first && c <= f->last && (c - f->first) % f->step == 0)
            return (uint32_t)((int32_t)c + f->distance);
    }
    return c;
}

static uint32_t find_pair(const char *letters, uint32_t letter)
{
    const char *end = letters + strlen(letters);
    uint32_t plain;
    uint32_t composed;

    while (idn_decode(&letters, end, &plain) &&
           idn_decode(&letters, end, &composed)) {
        if (plain == letter)
            return composed;
    }
    return 0;
}

uint32_t idn_compose(uint32_t letter, uint32_t mark)
{
    for (size_t i = 0; i < sizeof accents / sizeof accents[0]; i++) {
        if (accents[i].mark == mark)
            return find_pair(accents[i].letters, letter);
    }
    return 0;
}

bool idn_is_refused(uint32_t c)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (c >= refused[i][0] && c <= refused[i][1])
            return true;
    }
    return false;
}
